"""How many calls of a process to have under way, so that agents talk and nobody who answers hears silence.

A message process dials as fast as its trunks take; preview and progressive keep one call for each ready agent;
predictive dials ahead. It is the control that Samuelson describes (Predictive Dialing for Outbound Telephone Call
Centers, Interfaces 29:5, 1999): estimates that follow what is measured, and a model of what they lead to.

The model: of `x` calls under way each is answered with the measured chance `p`, so A ~ Bin(x, p) answers come. Beside
the ready agents, each of those on a call becomes free before an answer comes with q = 1 - exp(-ring / handling), so
F ~ Bin(busy, q) do: handling times are taken as memoryless, as Erlang's formulas take them (Gans, Koole, Mandelbaum,
Telephone Call Centers, MSOM 5:2, 2003). The most calls are had for which the customers that nobody is free for,
E[(A - ready - F)+], are no more than the cap's share of the answers, E[A].

The cap is a law's: at most 3 % of the calls that persons answer may be abandoned, over 30 days, where abandoned is
who hears no agent within 2 s of the end of their greeting; an unanswered phone rings for 15 s (16 CFR 310.4(b)(4)).
It holds whatever the model is worth, since calls beyond those of progressive are never more than the abandoned calls
that the cap still has room for. That room is small while little was answered, and shrinks as the cap comes near.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from itertools import accumulate, repeat
from math import ceil, exp, floor, lgamma, log, log1p, sqrt
from operator import mul
from typing import Final

from leadline.domain.policy import Mode, PacingRules

CAP: Final = PacingRules().abandonment_cap
"""Share of the answered calls that may be abandoned."""
CAP_DAYS: Final = 30
"""Days over which it is counted, today among them."""
AGENT_WITHIN: Final = timedelta(seconds=2)
"""After the end of the customer's greeting; later is abandoned."""
SHORTEST_RING: Final = timedelta(seconds=15)
"""Ringing for less is no attempt to reach anybody: a ring timeout under it is refused where calls may be abandoned."""

_FOLLOWED: Final = 200.0
"""Calls over which an average is kept: enough for a steady one, few enough to follow the hours of a day."""
_STEPS: Final = 128
"""Chances are taken in steps of one in so many, to the safe side, so that a number once found serves again."""
_FAR: Final = 9.0
"""Standard deviations from the likeliest number beyond which none is thought of: less than one in 10^17."""
_MOST: Final = 2_000
"""Calls ahead are looked for up to here."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The agents of a process as they are now."""

    ready: int
    busy: int = 0
    """On a call, or writing it up."""
    waiting: int = 0
    """Customers who have answered and whom nobody talks to yet."""


@dataclass(frozen=True, slots=True)
class Day:
    """What became of the calls of a day that persons answered."""

    answered: int = 0
    abandoned: int = 0


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of a process's calls: exponential averages, and the counts of each day by its ordinal."""

    calls: float = 0.0
    """Calls that the answer rate is an average of, at most `_FOLLOWED`."""
    rate: float = 1.0
    """Share of calls that are answered; 1 while nothing is known, which is progressive."""
    answers: float = 0.0
    ring: float = 0.0
    """Seconds from the INVITE to an answer."""
    silences: float = 0.0
    silence: float = 0.0
    """Seconds that a phone rings which nobody answers."""
    handled: float = 0.0
    handling: float = 0.0
    """Seconds of an agent for a customer, writing up included."""
    days: Mapping[int, Day] = field(default_factory=dict)

    @property
    def chance(self) -> float:
        """The chance that a phone which rings now is answered: less than the rate, since the others ring longer.

        Of the rate it takes what it may well be, two standard errors more than was measured.
        """
        calls = self.calls + 4.0
        rate = (self.rate * self.calls + 4.0) / calls
        rate = min(1.0, rate + 2.0 * sqrt(rate * (1.0 - rate) / calls))
        ringing = rate * self.ring + (1.0 - rate) * self.silence
        return rate * self.ring / ringing if ringing > 0.0 else 1.0

    @property
    def freed(self) -> float:
        """The chance that an agent on a call is free by the time a call begun now is answered."""
        return 1.0 - exp(-self.ring / self.handling) if self.handling > 0.0 else 0.0


def rung(measures: Measures, *, answered: bool, seconds: float, day: int) -> Measures:
    """A phone has stopped ringing, after so many seconds."""
    calls, rate = _averaged(measures.calls, measures.rate, 1.0 if answered else 0.0)
    if not answered:
        silences, silence = _averaged(measures.silences, measures.silence, seconds)
        return replace(measures, calls=calls, rate=rate, silences=silences, silence=silence)
    answers, ring = _averaged(measures.answers, measures.ring, seconds)
    days = _counted(measures.days, day, answered=1)
    return replace(measures, calls=calls, rate=rate, answers=answers, ring=ring, days=days)


def handled(measures: Measures, seconds: float) -> Measures:
    """An agent is done with a customer, after so many seconds."""
    calls, handling = _averaged(measures.handled, measures.handling, seconds)
    return replace(measures, handled=calls, handling=handling)


def abandoned(measures: Measures, day: int) -> Measures:
    """A customer who answered has heard nobody in time."""
    return replace(measures, days=_counted(measures.days, day, abandoned=1))


def over_the_days(measures: Measures, day: int) -> Day:
    """What became of the answered calls of all days that the cap is counted over."""
    counted = [count for since, count in measures.days.items() if since > day - CAP_DAYS]
    return Day(sum(count.answered for count in counted), sum(count.abandoned for count in counted))


def room_under_cap(measures: Measures, day: int, cap: float = CAP) -> int:
    """How many calls may still be abandoned today without passing the cap, nor passing it as the oldest day goes."""
    total, oldest = over_the_days(measures, day), measures.days.get(day - CAP_DAYS + 1, Day())
    answered, gone = total.answered, total.abandoned
    rooms = ((answered, gone), (answered - oldest.answered, gone - oldest.abandoned))
    return max(0, min(floor(cap * all_ + 1e-9) - lost for all_, lost in rooms))


def wanted(mode: Mode, agents: Floor, measures: Measures, day: int, cap: float = CAP) -> int | None:
    """How many calls to have ringing; None is as many as the trunks take."""
    if mode is Mode.MESSAGE:
        return None
    ready, unserved = max(0, agents.ready - agents.waiting), max(0, agents.waiting - agents.ready)
    if mode is not Mode.PREDICTIVE:
        return ready
    room = max(0, room_under_cap(measures, day, cap) - unserved)
    if room == 0:
        return ready
    most = ahead(ready, max(0, agents.busy - unserved), measures.chance, measures.freed, cap)
    return min(most, ready + room)


def ahead(ready: int, busy: int, rate: float, freed: float, cap: float = CAP) -> int:
    """The most calls of which, by the model, no greater share of the answers than `cap` finds nobody.

    Nor more than bring as many answers as there will be agents, where fewer agents than calls are sure of one.
    """
    # To the safe side: more answers, fewer agents, less to abandon.
    return _ahead(ready, busy, min(_STEPS, ceil(rate * _STEPS)), floor(freed * _STEPS), cap)


@lru_cache(65_536)
def _ahead(ready: int, busy: int, rate: int, freed: int, cap: float) -> int:
    """A share that grows with the calls: each one more adds `p P(A >= ready + F)` to the missed, `p` to the answers."""
    p = rate / _STEPS
    if p <= 0.0:
        return ready
    free = _chances(busy, freed)

    def passes(calls: int) -> bool:
        missed: float = sum(map(mul, free, _excess(calls, rate)[ready:]))
        return missed > cap * calls * p

    most = min(_MOST, floor((ready + busy * freed / _STEPS) / p + 1e-9))
    return ready + max(0, bisect_left(range(ready + 1, most + 1), True, key=passes))


@lru_cache(8_192)
def _excess(calls: int, rate: int) -> tuple[float, ...]:
    """E[(A - c)+] for every number c of agents up to the number of calls: the sum of P(A >= k) over k > c."""
    at_least = list(accumulate(reversed(_chances(calls, rate))))
    return tuple(accumulate(at_least[:-1], initial=0.0))[::-1]


@lru_cache(8_192)
def _chances(trials: int, chance: int) -> tuple[float, ...]:
    """The binomial distribution, from its likeliest value outwards, so that nothing vanishes on the way."""
    p = chance / _STEPS
    if trials == 0 or chance in (0, _STEPS):
        return tuple(float(k == (trials if chance else 0)) for k in range(trials + 1))
    likeliest = floor((trials + 1) * p)
    reach = ceil(_FAR * (1.0 + sqrt(trials * p * (1.0 - p))))
    low, high = max(0, likeliest - reach), min(trials, likeliest + reach)
    log_peak = lgamma(trials + 1) - lgamma(likeliest + 1) - lgamma(trials - likeliest + 1)
    peak = exp(log_peak + likeliest * log(p) + (trials - likeliest) * log1p(-p))
    odds = p / (1.0 - p)
    up = accumulate(range(likeliest, high), lambda had, k: had * odds * (trials - k) / (k + 1), initial=peak)
    down = accumulate(range(likeliest, low, -1), lambda had, k: had / odds * k / (trials - k + 1), initial=peak)
    return (*repeat(0.0, low), *list(down)[:0:-1], *up, *repeat(0.0, trials - high))


def _averaged(count: float, mean: float, value: float) -> tuple[float, float]:
    """An average and what it is one of, with one value more: plain at first, then exponential."""
    count = min(count + 1.0, _FOLLOWED)
    return count, mean + (value - mean) / count


def _counted(days: Mapping[int, Day], day: int, answered: int = 0, abandoned: int = 0) -> Mapping[int, Day]:
    today = days.get(day, Day())
    counted = Day(today.answered + answered, today.abandoned + abandoned)
    if day in days:
        return {**days, day: counted}
    return {past: count for past, count in days.items() if past > day - CAP_DAYS} | {day: counted}
