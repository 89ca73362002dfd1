"""Calling when PostgreSQL goes away under it: the call goes on, and what came of it is written when it is back."""

import asyncio
import os
import signal
from pathlib import Path

from integration.dialing import bench, process
from leadline.store.database import Database
from leadline.store.embedded.server import EmbeddedPostgres
from leadline.store.migrations import migrate
from leadline.telephony.callee import Callee
from leadline.telephony.fake import FakeEngine


async def test_a_call_outlives_its_database_and_is_written_afterwards(tmp_path: Path):
    server, engine = EmbeddedPostgres(tmp_path, fast=True), FakeEngine(pace=1.0)
    engine.callees["08452892308"] = Callee.answers(rings=0.5)
    await server.start()
    await migrate(server.dsn)
    database = Database(server.dsn)
    await database.open()
    await engine.start()
    try:
        desk = bench(database, server.dsn, engine, process())
        lead = await desk.push()
        async with desk.dialing():
            while not engine.calls:
                await asyncio.sleep(0.001)
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.wait_for(server.down.wait(), 30)
            await engine.calls[0].ended.wait()
            await asyncio.wait_for(server.up.wait(), 30)
            seen = await desk.rested(lead)
            # The dialer goes on by itself, too.
            second = await desk.push()
            assert (await desk.rested(second))["closed_reason"] == "completed"
        (attempt,) = seen["attempts"]
        assert (seen["closed_reason"], attempt["outcome"], attempt["disposition"]) == ("completed", "answered", "done")
        assert (await desk.kinds(lead)).count("lead.closed") == 1
        assert len(engine.calls) == 2
    finally:
        await engine.stop()
        await database.close()
        await server.stop()
