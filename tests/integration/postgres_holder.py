"""A program that holds an embedded PostgreSQL until it is killed: `postgres_holder.py DIR`.

It says `up RUNS PID DSN` when the database answers, and `stopped` after its standard input was closed.
"""

import asyncio
import sys
from pathlib import Path

import asyncpg
import structlog
import uvloop

from leadline.store.data_directory import DataDirectory
from leadline.store.embedded.server import EmbeddedPostgres


async def main(directory: Path) -> None:
    with DataDirectory.open(directory):
        server = EmbeddedPostgres(directory, fast=True)
        try:
            await server.start()
            connection = await asyncpg.connect(server.dsn)
            await connection.execute("CREATE TABLE IF NOT EXISTS runs (at timestamptz DEFAULT now())")
            await connection.execute("INSERT INTO runs DEFAULT VALUES")
            runs = await connection.fetchval("SELECT count(*) FROM runs")
            say(f"up {runs} {server.pid} {server.dsn}")
            await connection.close()
            await asyncio.to_thread(sys.stdin.read)
        finally:
            await server.stop()
        say("stopped")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    uvloop.run(main(Path(sys.argv[1])))
