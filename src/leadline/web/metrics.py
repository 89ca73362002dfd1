"""`/metrics`: gauges read from the database when they are asked for, counters from memory that all processes share.

So any process answers for all of them, and nothing is counted twice. No label tells anything of a customer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from leadline.clock import Clock
from leadline.domain.breaker import Health
from leadline.domain.errors import DatabaseUnavailable
from leadline.store import gauges, trunks
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database
from leadline.store.gauges import Gauges
from leadline.store.trunks import Found
from leadline.web.tally import Tally

COUNTERS: Final = {
    "pushes": ("leadline_pushes_total", "Pushes stored since Leadline was started.", ()),
    "records": ("leadline_records_total", "Records of those pushes, by what became of them.", ("action",)),
    "attempts": ("leadline_attempts_total", "Attempts that ended since then, by outcome.", ("outcome",)),
}
GAUGES: Final = {
    "due": ("leadline_due", "Rows of due work whose time has come.", ("process", "kind")),
    "late": ("leadline_due_late_seconds", "Seconds since the first of those was due.", ("process", "kind")),
    "held": ("leadline_held", "Waiting leads, by the rule that delays them.", ("process", "rule")),
    "calls": ("leadline_calls", "Attempts that have not ended.", ("process", "trunk")),
    "answers": (
        "leadline_answers",
        "Customers of 30 days, called ahead of agents, who answered, and of these abandoned.",
        ("process", "became"),
    ),
}
PAUSED: Final = ("leadline_process_paused", "1: the process begins no calls.", ("process",))
TRUNK_UP: Final = ("leadline_trunk_up", "1: the trunk takes calls; 0: it is down, or tried with one call.", ("trunk",))
TRUNK_TRIED: Final = (
    "leadline_trunk_tried_at_seconds",
    "Of a trunk that is down, the Unix time at which it is tried with one call.",
    ("trunk",),
)
WORKERS: Final = ("leadline_workers", "Workers that are alive.", ())
DATABASE: Final = ("leadline_database_up", "1: PostgreSQL answers; if 0, only the counters are here.", ())
NAMES: Final = (
    *(name for name, _, _ in (*COUNTERS.values(), *GAUGES.values())),
    *(name for name, _, _ in (PAUSED, TRUNK_UP, TRUNK_TRIED, WORKERS, DATABASE)),
)


def router(
    database: Database, catalogue: Callable[[], Catalogue], tally: Tally, clock: Clock, *, numbered: bool
) -> APIRouter:
    """The address; `numbered`: processes are told by number, where service keys are no one else's business."""
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False)
    async def metrics(_: Request) -> Response:
        known = catalogue()
        named = {one.id: str(one.id) if numbered else one.servicekey for one in known.processes.values()}
        paused = {named[one.id]: one.paused for one in known.processes.values()}
        try:
            async with database.snapshot() as connection:
                read = await gauges.read(connection, sorted(named), clock.now())
                health = await trunks.health(connection)
        except DatabaseUnavailable:
            read, health = None, {}
        ways = None if read is None else {name: health.get(name, []) for name in known.trunks}
        body = generate_latest(_Read([*_counters(tally), *_gauges(read, named, paused), *_trunks(ways)]))
        return Response(body, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return routes


class _Read(Collector):
    """What was read, as the client library wants to collect it."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _counters(tally: Tally) -> Iterator[Metric]:
    families = {what: CounterMetricFamily(*described[:2], labels=described[2]) for what, described in COUNTERS.items()}
    for what, by, count in tally:
        families[what].add_metric([by] if COUNTERS[what][2] else [], count)
    yield from families.values()


def _gauges(read: Gauges | None, named: Mapping[int, str], paused: Mapping[str, bool]) -> Iterator[Metric]:
    yield _gauge(DATABASE, [((), int(read is not None))])
    if read is None:
        return
    yield _gauge(WORKERS, [((), read.workers)])
    yield _gauge(PAUSED, [((process,), int(is_paused)) for process, is_paused in paused.items()])
    for what, described in GAUGES.items():
        rows: Sequence[tuple[int, str, float]] = getattr(read, what)
        yield _gauge(described, [((named[process], by), value) for process, by, value in rows])


def _trunks(ways: Mapping[str, Sequence[Found]] | None) -> Iterator[Metric]:
    """How each trunk stands, as the worker finds it that finds it worst; None: nobody knows."""
    if not ways:
        return
    yield _gauge(
        TRUNK_UP, [((name,), int(all(one.state == Health.UP for one in found))) for name, found in ways.items()]
    )
    tried = [(name, one.tried_at) for name, found in ways.items() for one in found]
    yield _gauge(TRUNK_TRIED, [((name,), at.timestamp()) for name, at in tried if at is not None])


def _gauge(described: tuple[str, str, Sequence[str]], samples: Iterable[tuple[Sequence[Any], float]]) -> Metric:
    family = GaugeMetricFamily(*described[:2], labels=described[2])
    for labels, value in samples:
        family.add_metric(list(labels), value)
    return family
