"""Everything that is stored, to be compared."""

from typing import Any

from leadline.store.database import Database


async def every_table(database: Database) -> dict[str, Any]:
    """The rows of every table, and where every sequence is."""
    async with database.connection() as connection:
        names = [
            row["table_name"]
            for row in await connection.fetch(
                "select table_name from information_schema.tables where table_schema = 'public'"
            )
        ]
        rows = {name: sorted(map(repr, await connection.fetch(f"select * from {name}"))) for name in names}  # noqa: S608
        drawn = await connection.fetch("select sequencename, last_value from pg_sequences order by 1")
    return rows | {row["sequencename"]: row["last_value"] for row in drawn}
