"""A simulated day of 100,000 calls, beside the rules alone: what judging that many leads costs."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

from figure import Figure

from leadline.domain.eligibility import Facts, judge
from leadline.domain.policy import Mode, PrefixRule, ProcessPolicy, TrunkPolicy
from leadline.simulation.customers import leads
from leadline.simulation.day import simulate
from leadline.simulation.scenario import Scenario

LEADS = 37_000
"""So many that about 100,000 calls are made."""
NOON = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)
POLICY = ProcessPolicy(servicekey="VoiceProcess", region="IN")
TRUNKS = (TrunkPolicy(name="telco", uri="sip:{number}@127.0.0.1", prefix=PrefixRule("IN"), channels=2_000, cps=50),)


async def measure() -> list[Figure]:
    """Calls simulated a second, by how they are paced."""
    judged = _judged()
    return [
        Figure(
            f"simulated day, {mode}, {agents} agents" if agents else f"simulated day, {mode}",
            _simulated(mode, agents),
            judged,
            "calls/s",
            "100,000 in 60 s",
            "the eligibility rules alone, once a call",
        )
        for mode, agents in ((Mode.MESSAGE, 0), (Mode.PROGRESSIVE, 100), (Mode.PREDICTIVE, 300))
    ]


def _judged() -> float:
    known = list(leads("IN", LEADS, NOON))
    began = perf_counter()
    for lead in known:
        judge(Facts(lead, POLICY, TRUNKS, None, None, NOON))
    return LEADS / (perf_counter() - began)


def _simulated(mode: Mode, agents: int) -> float:
    midnight = NOON - timedelta(hours=12)
    scenario = Scenario(
        name="day", policy=POLICY, trunks=TRUNKS, mode=mode, leads=LEADS, agents=agents, seed=7, begins=midnight,
        ends=midnight + timedelta(days=1), zone="Asia/Kolkata",
    )  # fmt: skip
    began = perf_counter()
    calls = simulate(scenario).calls
    return calls / (perf_counter() - began)
