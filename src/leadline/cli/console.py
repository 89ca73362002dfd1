"""What the terminal is written to: results on standard output, everything else on standard error."""

import logging
import re
import sys
from typing import Any, Final

import structlog
from rich.console import Console
from rich.text import Text

WIDE: Final = 1_000
"""Columns of what is no terminal: a table in a file is not folded."""
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Plain(Console):
    """Shows what was pushed as it is: nothing in it is taken for markup, and no control character gets through."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text), **options)


def _console(*, stderr: bool = False) -> Plain:
    console = Plain(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDE
    return console


out: Final = _console()
err: Final = _console(stderr=True)


def failure(sentence: str) -> None:
    """Say what went wrong and what to do."""
    err.print("error: ", style="bold red", end="")
    err.print(sentence)


def say(sentence: str) -> None:
    """Tell what is going on, beside the result."""
    err.print(sentence)


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
