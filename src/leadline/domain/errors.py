"""The error tree: each error has a stable code, whether a retry can help, and a sentence that says what to do.

LeadlineError
├── IllegalMove            a state machine was asked for a move that its table does not have
├── ConfigurationError     the configuration file cannot be used: file, line, hint
├── DataDirectoryInUse     another Leadline holds the data directory
├── DatabaseUnavailable    PostgreSQL does not answer, or cannot do it now
├── Overloaded             more is being stored than this process takes at a time
├── EngineUnavailable      a telephony engine is down or full: nothing was sent
├── SpeechUnavailable      a speech engine cannot make a prompt now
└── SpeechImpossible       a speech engine can never make this prompt
"""

from typing import ClassVar


class LeadlineError(Exception):
    """Something Leadline can name; `str(error)` is a sentence that says what to do."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class IllegalMove(LeadlineError):
    """A state machine was asked for a move that its table does not have."""

    code = "illegal_move"

    def __init__(self, machine: str, current: str, wanted: str) -> None:
        super().__init__(f"a {machine} that is {current} cannot become {wanted}")
        self.machine, self.current, self.wanted = machine, current, wanted


class ConfigurationError(LeadlineError):
    """The configuration cannot be used; says where and what would mend it."""

    code = "configuration"


class DataDirectoryInUse(LeadlineError):
    """Another Leadline holds the data directory."""

    code = "data_directory_in_use"


class DatabaseUnavailable(LeadlineError):
    """PostgreSQL does not answer, or cannot do it now; what was accepted before is safe."""

    code = "database_unavailable"
    retryable = True


class Overloaded(LeadlineError):
    """More is being stored than this process takes at a time: nothing of the request was, and it may be sent again."""

    code = "overloaded"
    retryable = True


class EngineUnavailable(LeadlineError):
    """A telephony engine is down or full: no INVITE was sent."""

    code = "engine_unavailable"
    retryable = True


class SpeechUnavailable(LeadlineError):
    """A speech engine cannot make a prompt now; the lead waits at 10500."""

    code = "speech_unavailable"
    retryable = True


class SpeechImpossible(LeadlineError):
    """A speech engine can never make this prompt, whenever it is asked; the configuration or the lead must change."""

    code = "speech_impossible"
