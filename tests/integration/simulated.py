"""Days to simulate, of which a test names only what matters to it."""

from datetime import timedelta

from builders import NOON, a_policy, a_trunk
from leadline.domain.policy import Mode
from leadline.simulation.model import Model
from leadline.simulation.scenario import Part, Scenario

MIDNIGHT = NOON - timedelta(hours=12)
ANY_HOUR = {"calling_hours": None}


PLAIN = Model(listed={})
PART = ("policy", "trunks", "mode", "leads", "agents", "zone", "flow", "organisation", "do_not_call", "taken_along")


def a_part(mode=Mode.PROGRESSIVE, policy=None, trunks=None, **values):
    given = {
        "policy": a_policy(**(policy or ANY_HOUR)),
        "trunks": trunks or (a_trunk(channels=500, cps=50),),
        "mode": mode,
        "leads": 400,
        "agents": 10,
        "zone": "Asia/Kolkata",
    }
    return Part(**(given | values))


def a_scenario(mode=Mode.PROGRESSIVE, **values):
    """A day of one process, unless there are `parts`."""
    own = {name: values.pop(name) for name in PART if name in values}
    given = {
        "name": "the day",
        "parts": values.pop("parts", None) or (a_part(own.pop("mode", mode), **own),),
        "seed": 7,
        "begins": MIDNIGHT,
        "ends": MIDNIGHT + timedelta(days=1),
        "model": PLAIN,
    }
    return Scenario(**(given | values))
