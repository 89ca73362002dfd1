"""What the embedded server is told: one small machine, one program that uses it, nothing accepted is lost."""

from collections.abc import Iterator
from pathlib import Path

from leadline.store.embedded.processes import cluster_name

PORT = 5432  # only a part of the socket's name: nothing listens on the network

PARAMETERS = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_locks_per_transaction": "256",  # one transaction may touch very many tables and indexes in a migration
    "fsync": "on",
    "synchronous_commit": "on",  # a push is answered when its commit is on the disk
    "idle_in_transaction_session_timeout": "60s",  # an idle open snapshot slows the claiming of due leads many times
    "max_parallel_workers_per_gather": "0",  # containers have a small /dev/shm, and our queries are short
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}

# For tests only: a crash of the machine may then corrupt the cluster. The crash of a process still loses nothing.
FAST = {"fsync": "off", "full_page_writes": "off"}


def arguments(cluster: Path, socket_directory: Path, *, fast: bool) -> Iterator[str]:
    """The arguments of `postgres`. They win over postgresql.conf, so the server is as this version expects it."""
    quoted = str(socket_directory).replace('"', '""')
    chosen = {
        **PARAMETERS,
        "unix_socket_directories": f'"{quoted}"',
        "cluster_name": cluster_name(cluster),  # how processes.py knows its own
        **(FAST if fast else {}),
    }
    yield from ("-D", str(cluster))
    for name, value in chosen.items():
        yield from ("-c", f"{name}={value}")
