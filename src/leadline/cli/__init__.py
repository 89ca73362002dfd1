"""The command line: `leadline up`, `init`, `apply`, `settings`, `leads`, `demo`."""

import os
import signal
import sys
from typing import Final

from leadline.cli.console import failure
from leadline.domain.errors import LeadlineError

OTHER_SCHEMA: Final = ("42P01", "42703")
"""SQLSTATE of a table or a column that is not there."""


def main() -> int:
    """Run one command; what Leadline can name is said in a sentence, without a traceback."""
    if sys.argv[1:2] == ["up"]:
        # While its parts are loaded, nothing is there to be stopped in good order; libraries may catch an exception.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from leadline.cli.commands import app  # noqa: PLC0415  (so that --help of one command loads no other's parts)

    try:
        app()
    except LeadlineError as error:
        failure(str(error))
        return 1
    except KeyboardInterrupt:
        failure("interrupted")
        return 130
    except Exception as error:
        if getattr(error, "sqlstate", None) not in OTHER_SCHEMA:
            raise
        failure(f"the database is of another version of Leadline ({error}): stop `leadline up`, start it with this one")
        return 1
    return 0
