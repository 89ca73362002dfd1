"""The load, in a process of its own: pushes over so many connections for so long, each sent when the last is answered.

Raw sockets and a scanner of one line, so that the client never is what is measured. Prints one JSON object.
"""

import argparse
import asyncio
import itertools
import json
import sys
from time import perf_counter

import uvloop


class Pusher(asyncio.Protocol):
    """One connection that always has one request under way."""

    def __init__(self, requests, until: float, latencies: list[float]) -> None:
        self._requests, self._until, self._latencies = requests, until, latencies
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._began = 0.0
        self.done = self._loop.create_future()

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._began = perf_counter()
        if self._began >= self._until:
            self._transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200") or b'"success"' not in body:
            self.done.set_exception(RuntimeError(f"not taken: {head!r} {body!r}"))
            self._transport.close()
            return
        self._latencies.append(perf_counter() - self._began)
        self._received = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


def requests(path: str, template: bytes, first: int, records: int):
    """One request after another, every record with a number that no other has; `template` is of one record."""
    before, inside = template.split(b"[", 1)
    record, after = inside.rsplit(b"]", 1)
    numbers = itertools.count(first)
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ".encode()
    while True:
        data = b",".join(record.replace(b"{n}", b"%010d" % next(numbers)) for _ in range(records))
        body = b"%s[%s]%s" % (before, data, after)
        yield b"%s%d\r\n\r\n%s" % (head, len(body), body)


async def push(arguments: argparse.Namespace, template: bytes) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    began = perf_counter()
    making = requests(arguments.path, template, arguments.first, arguments.records)
    pushers = []
    for _ in range(arguments.connections):
        _, pusher = await loop.create_connection(
            lambda: Pusher(making, began + arguments.seconds, latencies), arguments.host, arguments.port
        )
        pushers.append(pusher)
    await asyncio.gather(*(pusher.done for pusher in pushers))
    return {"seconds": perf_counter() - began, "latencies": latencies}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--records", type=int, default=1, help="records of one push")
    parser.add_argument("--first", type=int, required=True, help="the number of the first customer")
    found = uvloop.run(push(parser.parse_args(), sys.stdin.buffer.read()))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
