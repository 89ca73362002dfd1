"""One web process of several; `leadline up` begins it (`leadline.web.processes`), nobody else does."""

import sys

import uvloop

from leadline.cli.collector import settle
from leadline.cli.console import configure_logging
from leadline.serving import serve
from leadline.settings import Settings, environment


def main() -> None:
    """Serve until the parent wants it no more; arguments are file descriptors."""
    settings = Settings.from_environment(environment())
    configure_logging(settings.log_level, settings.log_format)
    uvloop.run(serve([int(written) for written in sys.argv[1:]], settings, settle))


if __name__ == "__main__":
    main()
