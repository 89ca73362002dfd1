"""The one power over directories that an unprivileged child may need, and never more than it needs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from leadline.domain.errors import DatabaseUnavailable
from leadline.store.embedded.binaries import Binaries
from leadline.store.embedded.child import run
from leadline.store.embedded.identity import Identity

# linux/capability.h. Reading and entering any directory is the smaller power; containers often grant the other only.
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


async def equip(identity: Identity, binaries: Binaries, reach: Sequence[Path]) -> Identity:
    """The identity with the least capability that lets it run the binaries and enter every directory of `reach`.

    Often they lie below a directory of root's alone (/root, a 0700 data directory). Nothing is opened up for
    that: the one child process is allowed to pass. It is found out by trying, in the order of least power.
    """
    if identity.uid is None:
        return identity
    said = []
    for capability in (None, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        candidate = replace(identity, capability=capability)
        finished = await run([binaries.postgres, "--version"], candidate, reach=reach)
        if finished.code == 0:
            return candidate
        said.append(finished.output.strip())
    raise DatabaseUnavailable(
        f"uid {identity.uid}, whom PostgreSQL is to run as, cannot run {binaries.postgres} "
        f"or enter {', '.join(map(str, reach))} ({said[0]}; with more capabilities: {said[-1]}): "
        "start Leadline as a user other than root, or move the data directory and Leadline's environment "
        "to where that user may go (chmod o+x on each directory above them)"
    )
