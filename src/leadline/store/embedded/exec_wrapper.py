"""What happens between fork and PostgreSQL: `python -I -S exec_wrapper.py ORDERS COMMAND…`; a script, never imported.

It becomes the unprivileged user, ties its life to Leadline's, and turns into COMMAND.
An exec wrapper, since preexec_fn may deadlock in a process with threads, and setpriv leaves a gap:
a parent that died before the parent-death signal was set is never noticed.

ORDERS is JSON: `parent` (pid), `uid` and `gid` (null: stay who we are), `capability` (number kept over the
change of user, or null), `reach` (directories that must be enterable; the last becomes the working directory),
`environment` (all of it). Whatever fails is said on standard error, with exit code 126.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any

# linux/prctl.h and linux/capability.h
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAPABILITY_VERSION_3 = 0x20080522
CANNOT_EXECUTE = 126


def main() -> None:
    orders, command = json.loads(sys.argv[1]), sys.argv[2:]
    os.umask(0o077)
    try:
        if orders["uid"] is not None:
            _become(orders["uid"], orders["gid"], orders["capability"])
        _die_with(orders["parent"])
        for directory in orders["reach"]:
            os.chdir(directory)
        os.execve(command[0], command, orders["environment"])  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CANNOT_EXECUTE)


def _become(uid: int, gid: int, capability: int | None) -> None:
    """Changes user for good; `capability` alone survives, also the exec (an ambient capability)."""
    if capability is not None:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability is not None:
        _keep_only(capability)
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def _die_with(parent: int) -> None:
    """Asks the kernel for SIGINT (a fast shutdown) when the parent dies.

    The kernel forgets the wish on a change of user, so it is uttered after that. It fires when the *thread* that
    started us ends: Leadline spawns from its event loop's. Other kernels have no such signal: there a killed
    Leadline leaves the server running, and PostgreSQL refuses to be started twice until it is stopped by hand.
    """
    if sys.platform != "linux":
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:  # it died before we could ask
        sys.exit(CANNOT_EXECUTE)


def _keep_only(capability: int) -> None:
    bit = 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # effective, permitted, inheritable: of capabilities 0 to 31, then of 32 to 63
    _checked(_libc().capset(header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)))


def _prctl(option: int, *arguments: int) -> None:
    words = [*arguments, 0, 0, 0, 0][:4]
    _checked(_libc().prctl(option, *map(ctypes.c_ulong, words)))


def _checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main()
