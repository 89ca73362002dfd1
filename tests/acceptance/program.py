"""Leadline as its operator starts it: a process of its own, spoken to over HTTP and signals."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx

PATIENCE = 60.0
KEY = "acceptance-key"
FLOW = """
flows:
  - name: bye
    start: bye
    nodes:
      bye: {hangup: {outcome: done}}
"""


def configuration(port: int, *, process: str = "flow: bye", flows: str = FLOW, trunk: str = "") -> str:
    """A company with one process `P` and a trunk to the phone at `port`."""
    return f"""
organisations:
  - name: Acme
    apikey: {KEY}
    timezone: Asia/Kolkata
    subscriptions: {{tts: {{until: 2099-12-31}}}}
    do_not_call: ["+919820099999"]
    processes:
      - servicekey: P
        calling_hours: null
        {process}
trunks:
  - name: phone
    uri: "sip:{{number}}@127.0.0.1:{port}"
    prefix: {{international: "00", national: "0", home_region: IN}}
    {trunk}
{flows}
"""


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("LEADLINE_")}


class Program:
    """`leadline up` on a directory."""

    def __init__(self, home: Path, *options: str, **variables: str) -> None:
        self.home, self._options, self._variables = home, options, variables
        self.url = ""
        self.process: asyncio.subprocess.Process

    async def start(self) -> "Program":
        """Returns when it has said `ready`."""
        await self.spawn()
        line = await self.line()
        assert line.startswith("ready http://"), (line, self.log())
        self.url = line.split()[1]
        return self

    async def spawn(self) -> None:
        config, data = self.home / "leadline.yaml", self.home / "data"
        command = ["up", "--config", str(config), "--data", str(data), "--http", "127.0.0.1:0", *self._options]
        with (self.home / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "leadline.cli", *command,
                stdout=asyncio.subprocess.PIPE, stderr=log, env=environment() | self._variables,
            )  # fmt: skip

    async def line(self) -> str:
        return (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)).decode()

    def log(self) -> str:
        return (self.home / "log").read_text()[-3_000:]

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=20)

    async def push(self, *records: dict[str, Any], **nodes: Any) -> dict[str, Any]:
        """The answer to a push of these records."""
        document = {
            "method": "ImportProcessData", "apikey": KEY, "servicekey": "P", "media": "12",
            "updateparam": "mobilenumber", "reqdatetime": "2026-11-25 10:00:00", "verbose": "1", "data": list(records),
        }  # fmt: skip
        async with self.client() as client:
            answer = await client.post("/CustomerWebServices/handleCustomerWS", json=document | nodes)
            assert answer.status_code == 200, answer.text
            return answer.json()

    async def lead(self, lead_id: int) -> dict[str, Any]:
        async with self.client() as client:
            return (await client.get(f"/v1/leads/{lead_id}")).json()

    async def kinds(self, lead_id: int) -> list[str]:
        async with self.client() as client:
            return [e["kind"] for e in (await client.get(f"/v1/leads/{lead_id}/timeline")).json()["items"]]

    async def lead_that(self, lead_id: int, **wanted: Any) -> dict[str, Any]:
        """The lead as soon as it has these values."""
        async with asyncio.timeout(PATIENCE):
            while True:
                lead = await self.lead(lead_id)
                if all(lead[name] == value for name, value in wanted.items()):
                    return lead
                await asyncio.sleep(0.05)


async def leadline(*words: str) -> tuple[int, str, str]:
    """One command run to its end: exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "leadline.cli", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=environment() | {"COLUMNS": "200", "NO_COLOR": "1"},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode or 0, out.decode(), err.decode()
