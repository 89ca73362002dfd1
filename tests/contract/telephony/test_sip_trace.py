"""The SIP trace, read line by line: whose call lives, and whether our last words have been answered."""

import asyncio
import logging

import pytest

from leadline.telephony.embedded.trace import Reply, SipTrace

from .listening import soon


def response(status: str, sequence: str, call_id: str, *reasons: str, name: str = "Call-ID") -> str:
    lines = ["RX UDP 127.0.0.1:5060 -> 127.0.0.1:5080", f"SIP/2.0 {status}\r", f"{name}: {call_id}\r"]
    return "\n".join([*lines, f"CSeq: 7 {sequence}\r", *(f"Reason: {reason}\r" for reason in reasons), "\r"])


@pytest.fixture
def heard() -> list[Reply]:
    return []


@pytest.fixture
async def trace(heard: list[Reply]) -> SipTrace:
    return SipTrace(heard.append)


def read(trace: SipTrace, text: str) -> None:
    trace.emit(logging.LogRecord("sip", logging.DEBUG, "", 0, text, (), None))


@pytest.mark.parametrize("name", ["Call-ID", "call-id", "i"])
@pytest.mark.parametrize("status", ["100 Trying", "183 Session Progress", "486 Busy Here"])
async def test_every_response_is_a_sign_of_life(trace: SipTrace, heard: list[Reply], status: str, name: str):
    read(trace, response(status, "INVITE", "abc", name=name))
    await soon(lambda: heard == [Reply("abc", "INVITE", int(status[:3]))])


@pytest.mark.parametrize(
    ("reasons", "cause"),
    [
        (["SIP;cause=480", 'Q.850;cause=34;text="no circuit"'], 34),
        (['SIP;cause=480;text="not Q.850;cause=41", q.850 ; text="a, b" ; cause = 34'], 34),
        (['SIP;cause=480;text="Q.850;cause=41"'], None),
        ([], None),
    ],
)
async def test_the_cause_is_that_of_the_telephone_network(
    trace: SipTrace, heard: list[Reply], reasons: list[str], cause: int | None
):
    read(trace, response("480 Gone", "INVITE", "abc", *reasons))
    await soon(lambda: heard == [Reply("abc", "INVITE", 480, cause)])


@pytest.mark.parametrize(
    "text", ["", "TX UDP a -> b\nSIP/2.0 100 Trying\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n", "RX UDP a"]
)
async def test_what_is_no_response_to_us_is_none(trace: SipTrace, heard: list[Reply], text: str):
    read(trace, text)
    read(trace, response("100 Trying", "INVITE", "after"))
    await soon(lambda: bool(heard))
    assert [reply.call_id for reply in heard] == ["after"]


@pytest.mark.parametrize(
    ("passing", "final"),
    [
        (("200 OK", "CANCEL"), ("487 Request Terminated", "INVITE")),
        (("200 OK", "INVITE"), ("200 OK", "BYE")),
        (("100 Trying", "BYE"), ("481 Gone", "BYE")),
    ],
    ids=["cancelled", "answer crossed the cancel", "bye"],
)
async def test_settled_once_our_last_word_is_answered(
    trace: SipTrace, heard: list[Reply], passing: tuple[str, str], final: tuple[str, str]
):
    trace.expect("abc")
    settled = asyncio.create_task(trace.settled())
    read(trace, response(*passing, "abc"))
    read(trace, response(*final, "another"))
    await soon(lambda: len(heard) == 2)
    assert not settled.done()
    read(trace, response(*final, "abc"))
    await asyncio.wait_for(settled, 5)
