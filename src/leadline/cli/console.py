"""What the terminal is written to: results on standard output, everything else on standard error."""

import logging
import sys
from typing import Final

import structlog
from rich.console import Console

out: Final = Console(highlight=False, soft_wrap=True)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def failure(sentence: str) -> None:
    """Say what went wrong and what to do."""
    err.print("[bold red]error:[/] ", end="")
    err.print(sentence, markup=False)


def say(sentence: str) -> None:
    """Tell what is going on, beside the result."""
    err.print(sentence, markup=False)


def configure_logging(level: str, form: str) -> None:
    """Log to standard error, for people (`console`) or for machines (`json`); `level` as Python names them."""
    number = logging.getLevelNamesMapping()[level.upper()]
    colours = sys.stderr.isatty()
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=colours)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([structlog.processors.format_exc_info] if form == "json" else []),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak only when something is wrong.
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, format="%(name)s: %(message)s")
    # It tells a traceback of every try while PostgreSQL is away, which is said in a sentence where it matters.
    logging.getLogger("asyncpg.pool").setLevel(logging.CRITICAL)
