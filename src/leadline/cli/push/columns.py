"""Which column of a file is which node of a record: by its name, else as it was told.

Names are compared without regard to case, blanks, `_` and `-`. An alias is taken for a node only where no column has
the node's own name, and is said; a column that is no node is an extra field of its own name.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from leadline.cli.push.errors import CannotPush
from leadline.cli.push.row import OWN
from leadline.domain.record import ALIASES, KNOWN
from leadline.domain.value import is_blank

NODES: Final = {*KNOWN, "dateofleadcreation", "timeofleadcreation"}
SPELLINGS: Final = {name.replace("_", ""): node for name, node in (ALIASES | {node: node for node in NODES}).items()}
PROPOSALS: Final[Mapping[str, tuple[str, ...]]] = {
    "mobilenumber": (
        "mobile", "mobileno", "mobilephone", "cell", "cellphone", "msisdn", "phone", "phonenumber", "phoneno",
        "telephone", "telephonenumber", "contactnumber", "contactno", "number",
    ),
    "emailid": ("email", "emailaddress", "mail"),
    "fname": ("firstname", "givenname", "forename"),
    "lname": ("lastname", "surname", "familyname"),
    "name": ("fullname", "customername", "contactname"),
    "customercode": ("customerid", "customerno", "customernumber", "clientcode", "clientid"),
    "leadnumber": ("leadid", "leadno"),
    "calldatetime": ("calltime", "callat", "callbacktime"),
    "expirydatetime": ("expiry", "expires", "expiresat", "expirydate"),
    "userlogin": ("login", "agent", "agentlogin"),
    "language": ("lang",),
    "timezone": ("tz",),
}  # fmt: skip
"""What people call the nodes; the likeliest first."""
SHAPES: Final = 256
"""Headers of JSON records that are remembered."""


class Ambiguous(Exception):
    """Two columns are one node; says which, with the remedy."""


class Columns:
    """Makes records of cells. `say` is told each proposal once, in a sentence."""

    def __init__(
        self, told: Mapping[str, str | None], say: Callable[[str], None], *, exact: bool, keeps_blanks: bool
    ) -> None:
        self._told, self._say, self._exact, self._keeps_blanks = told, say, exact, keeps_blanks
        self._said: set[str] = set()
        self._nodes = lru_cache(SHAPES)(self._mapped)

    def record(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """The record that a row is; raises Ambiguous."""
        nodes = self._nodes(tuple(cells))
        return {
            node: value
            for column, value in cells.items()
            if (node := nodes[column]) is not None and (self._keeps_blanks or not is_blank(value))
        }

    def check(self, columns: Sequence[str], key: str) -> None:
        """Refuses a header in which a told column, or the update key, is missing; raises CannotPush."""
        listed = ", ".join(columns)
        for column in self._told:
            if column not in columns:
                raise CannotPush(f"--map {column}=…: there is no such column; there are {listed}")
        try:
            nodes = self._nodes(tuple(columns)).values()
        except Ambiguous as error:
            raise CannotPush(str(error)) from None
        if key in NODES | {"customercode"} and key not in nodes:
            raise CannotPush(
                f"no column is {key}, which --updateparam names as the key: say which with --map COLUMN={key}; "
                f"there are {listed}"
            )

    def _mapped(self, columns: tuple[str, ...]) -> Mapping[str, str | None]:
        nodes: dict[str, str | None] = {}
        for column in columns:
            if column in OWN:
                nodes[column] = None
            elif column in self._told:
                nodes[column] = self._told[column]
            elif not self._exact and (node := SPELLINGS.get(_plain(column))):
                nodes[column] = node
        if not self._exact:
            nodes |= self._proposed([column for column in columns if column not in nodes], set(nodes.values()))
        nodes |= {column: column for column in columns if column not in nodes}
        self._refuse_doubles(nodes)
        return nodes

    def _proposed(self, free: Sequence[str], taken: set[str | None]) -> dict[str, str]:
        plain = {_plain(column): column for column in reversed(free)}
        proposed = {}
        for node, names in PROPOSALS.items():
            column = next((plain[name] for name in names if name in plain), None)
            if node not in taken and column is not None:
                proposed[column] = node
                self._tell(f"column {column!r} is taken for {node} (other: --map '{column}=NODE', as it is: --exact)")
        return proposed

    def _tell(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)

    @staticmethod
    def _refuse_doubles(nodes: Mapping[str, str | None]) -> None:
        owners: dict[str, str] = {}
        for column, node in nodes.items():
            if node is None:
                continue
            if node in owners:
                raise Ambiguous(
                    f"the columns {owners[node]!r} and {column!r} are both {node}: "
                    f"leave one out with --map '{column}=', or give it another name"
                )
            owners[node] = column


def told_of(options: Sequence[str]) -> dict[str, str | None]:
    """`COLUMN=NODE` as written on the command line; no node: the column is left out. Raises CannotPush."""
    told: dict[str, str | None] = {}
    for option in options:
        column, equals, node = option.rpartition("=")
        if not equals or not column:
            raise CannotPush(f"--map {option}: write COLUMN=NODE, or COLUMN= to leave the column out")
        spelled = node.strip()
        told[column] = SPELLINGS.get(_plain(spelled), spelled) or None
    return told


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()
