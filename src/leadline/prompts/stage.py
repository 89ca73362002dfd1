"""The stage from 10500 to the call type's number: leads whose flow speaks wait here until their audio is there.

Each engine has a line of its own, so that one that is slow or down holds up no other; and each line one of its own
for hot leads.
"""

import asyncio
from collections.abc import Callable, Mapping

from leadline.clock import Clock
from leadline.prompts.engines.engine import SpeechEngine
from leadline.prompts.line import Line
from leadline.store.catalogue import Catalogue, Process
from leadline.store.database import Database


class PromptStage:
    """Makes the audio of waiting leads by the engines, which are known by their names."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        engines: Mapping[str, SpeechEngine],
        catalogue: Callable[[], Catalogue],
    ) -> None:
        def serves(name: str | None) -> Callable[[Process], bool]:
            """Whether a process's leads belong to the line of this engine; None: to the line of no engine.

            What stands there either needs none any more, since the configuration has changed, or names one that is
            not here, and is told so.
            """
            return lambda process: (_engine_of(process) if _engine_of(process) in engines else None) == name

        lines = [*engines.items(), (None, None)]
        self._lines = [
            Line(database, clock, catalogue, serves(name), engine, hot=hot)
            for name, engine in lines
            for hot in (True, False)
        ]

    def wake(self) -> None:
        """Look at once: something may be due, or the configuration have changed."""
        for line in self._lines:
            line.wake()

    async def run(self) -> None:
        """Work for ever; while PostgreSQL is away, wait for it."""
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                group.create_task(line.run())


def _engine_of(process: Process) -> str | None:
    return process.policy.speech.engine if process.policy.speech else None
