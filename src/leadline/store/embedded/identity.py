"""Whom PostgreSQL runs as: it refuses root, so root lends it an unprivileged user."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from leadline.domain.errors import DatabaseUnavailable

UNPRIVILEGED_USERS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Identity:
    """A user for the child; `uid` None: whoever we are. `capability` is kept when the user lacks the way in."""

    uid: int | None = None
    gid: int | None = None
    capability: int | None = None

    @property
    def owner(self) -> int:
        """The uid that the child's files and processes have."""
        return os.geteuid() if self.uid is None else self.uid

    def give(self, path: Path) -> None:
        """Makes `path`, which we created, the child's."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def choose(cluster: Path) -> Identity:
    """Ourselves, unless we are root; then who owns the cluster already, else `postgres`, else `nobody`.

    The owner comes first so that a cluster stays readable when a `postgres` user appears on the machine later.
    """
    if os.geteuid() != 0:
        return Identity()
    if cluster.is_dir() and (made := cluster.stat()).st_uid != 0:
        return Identity(made.st_uid, made.st_gid)
    for name in UNPRIVILEGED_USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(user.pw_uid, user.pw_gid)
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root, and this machine has no user `postgres` or `nobody`: "
        "start Leadline as another user, or set LEADLINE_DATABASE_URL"
    )
