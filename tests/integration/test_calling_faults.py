"""Calling when PostgreSQL goes away under it: the call goes on, and what came of it is written when it is back."""

import asyncio
import os
import signal
from pathlib import Path

from integration.dialing import bench, own_postgres, process
from leadline.telephony.callee import Callee
from leadline.telephony.fake import FakeEngine


async def test_a_call_outlives_its_database_and_is_written_afterwards(tmp_path: Path, engine: FakeEngine):
    engine.pace = 1.0
    engine.callees["08452892308"] = Callee.answers(rings=0.5)
    async with own_postgres(tmp_path) as (server, database):
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
