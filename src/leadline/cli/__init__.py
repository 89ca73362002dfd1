"""The command line: `leadline up`, `init`, `apply`, `settings`, `leads`, `demo`."""

from leadline.cli.console import failure
from leadline.domain.errors import LeadlineError


def main() -> int:
    """Run one command; what Leadline can name is said in a sentence, without a traceback."""
    from leadline.cli.commands import app  # noqa: PLC0415  (so that --help of one command loads no other's parts)

    try:
        app()
    except LeadlineError as error:
        failure(str(error))
        return 1
    except KeyboardInterrupt:
        failure("interrupted")
        return 130
    return 0
