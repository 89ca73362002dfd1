"""A simulated day of 100,000 calls, beside the rules alone: what judging that many leads costs."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

from figure import Figure

from leadline.domain.eligibility import Facts, judge
from leadline.domain.flow import Callback, Dnc, Flow, Gather, Hangup, Say, Transfer
from leadline.domain.policy import Mode, PrefixRule, ProcessPolicy, TrunkPolicy
from leadline.simulation.day import simulate
from leadline.simulation.people import leads
from leadline.simulation.scenario import Part, Scenario

LEADS = 37_000
"""So many that about 100,000 calls are made."""
NOON = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)
POLICY = ProcessPolicy(servicekey="VoiceProcess", region="IN")
TRUNKS = (TrunkPolicy(name="telco", uri="sip:{number}@127.0.0.1", prefix=PrefixRule("IN"), channels=2_000, cps=50),)
FLOW = Flow(
    "welcome",
    "greet",
    {
        "greet": Say({"en": "Hello, press 1 to talk to us, 2 to be called later, 9 to be left alone."}, "ask"),
        "ask": Gather({"1": "agent", "2": "later", "9": "never", "none": "bye"}),
        "agent": Transfer("VoiceProcess", {"no_agent": "later", "ended": "bye"}),
        "later": Callback(timedelta(hours=2), "bye"),
        "never": Dnc("bye"),
        "bye": Hangup("completed"),
    },
)
DAYS = (
    ("message", Mode.MESSAGE, 0, None),
    ("message with a flow, 100 agents", Mode.MESSAGE, 100, FLOW),
    ("progressive, 100 agents", Mode.PROGRESSIVE, 100, None),
    ("predictive, 300 agents", Mode.PREDICTIVE, 300, None),
)


async def measure() -> list[Figure]:
    """Calls simulated a second, by how they are paced."""
    judged = _judged()
    return [
        Figure(
            f"simulated day, {name}",
            _simulated(mode, agents, flow),
            judged,
            "calls/s",
            "100,000 in 60 s",
            "the eligibility rules alone, once a call",
        )
        for name, mode, agents, flow in DAYS
    ]


def _judged() -> float:
    known = list(leads("IN", LEADS, NOON))
    began = perf_counter()
    for lead in known:
        judge(Facts(lead, POLICY, TRUNKS, None, None, NOON))
    return LEADS / (perf_counter() - began)


def _simulated(mode: Mode, agents: int, flow: Flow | None) -> float:
    midnight = NOON - timedelta(hours=12)
    part = Part(
        policy=POLICY, trunks=TRUNKS, mode=mode, leads=LEADS, agents=agents, zone="Asia/Kolkata", flow=flow
    )  # fmt: skip
    scenario = Scenario(name="day", parts=(part,), seed=7, begins=midnight, ends=midnight + timedelta(days=1))
    began = perf_counter()
    calls = simulate(scenario).calls
    return calls / (perf_counter() - began)
