"""Our registrations with trunks: made where the engine listens, as the configuration asks for them."""

from collections.abc import Callable
from typing import Final, Protocol

from leadline.clock import Clock
from leadline.domain.policy import TrunkPolicy
from leadline.store.catalogue import Catalogue
from leadline.telephony.asking import place_of
from leadline.telephony.engine import Account, Registrant, TrunkTold

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the configuration."""
UNKNOWN: Final = "its password is not known here: write it in the file that `leadline up` reads"


class Registrar(Protocol):
    """An engine that registers from where it listens."""

    def register(self, registrants: frozenset[Registrant], told: TrunkTold) -> None:
        """Be registered as these and no others from now on; `told` hears of each what becomes of it."""
        ...


class Registrations:
    """Our registrations; `told` hears whenever one is taken or is missing, and why."""

    def __init__(
        self,
        clock: Clock,
        catalogue: Callable[[], Catalogue],
        registrar: Registrar,
        passwords: Callable[[str], str | None],
        told: TrunkTold,
    ) -> None:
        self._clock, self._catalogue, self._registrar = clock, catalogue, registrar
        self._passwords, self._told = passwords, told

    async def run(self) -> None:
        """Follow the configuration until cancelled."""
        asked_for: set[str] = set()
        try:
            while True:
                wanted = [trunk for trunk in self._catalogue().trunks.values() if trunk.register]
                self._registrar.register(frozenset(filter(None, map(self._registrant, wanted))), self._told)
                before, asked_for = asked_for, {trunk.name for trunk in wanted}
                for trunk in before - asked_for:
                    self._told(trunk, None)
                await self._clock.sleep(LOOK_EVERY)
        finally:
            self._registrar.register(frozenset(), self._told)

    def _registrant(self, trunk: TrunkPolicy) -> Registrant | None:
        there, password = place_of(trunk.uri), self._passwords(trunk.name)
        if there is None or trunk.username is None or password is None:
            self._told(trunk.name, UNKNOWN)
            return None
        account = Account(trunk.username, password, trunk.transport, trunk.codecs)
        return Registrant(trunk.name, str(there), account)
