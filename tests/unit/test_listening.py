"""The port of a SIP worker: any that TCP and UDP both have free, or exactly the one that is asked for."""

import errno

import pytest

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.embedded import listening

TAKEN = OSError(errno.EADDRINUSE, "taken")


@pytest.fixture
def tried(monkeypatch):
    """The ports that are tried; every second one has been taken for UDP."""
    tried = []

    def settled(_host, port):
        tried.append(port)
        if len(tried) % 2:
            raise TAKEN
        return 5_080

    monkeypatch.setattr(listening, "_settled", settled)
    return tried


def test_a_free_port_that_udp_has_taken_is_passed_over(tried):
    assert listening.settle_port("127.0.0.1", 0) == 5_080
    assert tried == [0, 0]


def test_a_port_that_is_asked_for_is_tried_once_and_named(tried):
    with pytest.raises(EngineUnavailable, match=r"sip.listen: port 5060 of 127.0.0.1 is taken"):
        listening.settle_port("127.0.0.1", 5_060)
    assert tried == [5_060]
