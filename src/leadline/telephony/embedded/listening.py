"""The address a worker listens on, tried before baresip takes it: its own refusal names neither port nor remedy."""

import errno
import socket
from typing import Final

from leadline.domain.errors import EngineUnavailable

TRIES: Final = 20
"""A port that is free for TCP may be taken for UDP, as by a call's audio: then another one is tried."""


def settle_port(host: str, port: int) -> int:
    """The port, if it can be had for UDP and TCP; a free one for 0. Raises `EngineUnavailable` with the remedy."""
    for left in reversed(range(TRIES)):
        try:
            return _settled(host, port)
        except OSError as error:
            if port == 0 and error.errno == errno.EADDRINUSE and left:
                continue
            raise EngineUnavailable(f"sip.listen: {_remedy(error, host, port)}") from None
    raise AssertionError


def _settled(host: str, port: int) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET) as tcp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((host, port))
        settled = int(tcp.getsockname()[1])
        udp.bind((host, settled))
        tcp.listen(1)
        return settled


def _remedy(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} of {host} is taken by another program; end that, or write {host}:0 for any free port"
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine; write one that is, 127.0.0.1 or 0.0.0.0"
        case errno.EACCES:
            return f"port {port} may only be taken by root; write a port from 1024 on, such as {host}:5060"
        case _:
            return f"{host}:{port} cannot be listened on: {error.strerror}"
