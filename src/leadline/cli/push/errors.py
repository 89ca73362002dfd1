"""Why a file, or the rest of it, cannot be pushed."""

from leadline.domain.errors import LeadlineError


class CannotPush(LeadlineError):
    """A file, a Leadline or an option that cannot be used; says what to do. Nothing that was pushed is undone."""

    code = "cannot_push"
