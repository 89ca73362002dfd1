"""OPTIONS: any answer is life, whatever it says; silence and a refused packet are not."""

import asyncio
import socket

import pytest

from leadline.domain.policy import TrunkPolicy
from leadline.telephony.asking import Place
from leadline.telephony.options import address_of, answers, probing
from leadline.telephony.phone.message import Message, respond
from leadline.telephony.phone.phone import Phone


class Answering(asyncio.DatagramProtocol):
    """Answers the nth datagram, and none before, with a status."""

    def __init__(self, status: int, nth: int = 1) -> None:
        self.status, self.nth = status, nth
        self.asked: list[Message] = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.asked.append(Message.parse(data))
        if len(self.asked) >= self.nth:
            self.transport.sendto(b"\r\n\r\n", addr)  # a keep-alive, which is no answer
            self.transport.sendto(respond(self.asked[-1], self.status, "there").encode(), addr)


async def listening(protocol):
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: protocol, local_addr=("127.0.0.1", 0)
    )
    return transport, Place(*transport.get_extra_info("sockname"))


@pytest.mark.parametrize("status", [200, 404, 405, 480, 503])
async def test_any_answer_is_life(status):
    far = Answering(status)
    transport, address = await listening(far)
    assert await answers(address, "127.0.0.1")
    (asked,) = far.asked
    assert (asked.method, asked.get("max-forwards"), asked.get("cseq")) == ("OPTIONS", "70", "1 OPTIONS")
    assert ";rport" in asked.get("via")
    transport.close()


async def test_a_datagram_that_is_lost_is_sent_again():
    far = Answering(200, nth=2)
    transport, address = await listening(far)
    assert await answers(address)
    assert len({message.encode() for message in far.asked}) == 1
    transport.close()


async def test_silence_is_no_answer_nor_is_one_to_another_question():
    far = Answering(200, nth=99)
    transport, address = await listening(far)
    asking_now = asyncio.create_task(answers(address, within=0.2))
    async with asyncio.timeout(5):
        while not far.asked:
            await asyncio.sleep(0.001)
    other = Message(far.asked[0].start, tuple(p if p[0] != "Call-ID" else (p[0], "x") for p in far.asked[0].headers))
    port = int(far.asked[0].get("contact").rpartition(":")[2].rstrip(">"))
    transport.sendto(respond(other, 200, "there").encode(), ("127.0.0.1", port))
    assert not await asking_now
    transport.close()


async def test_a_refused_packet_is_told_at_once():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = Place(*taken.getsockname())
    async with asyncio.timeout(2):
        assert not await answers(address)


async def test_our_own_phone_answers():
    async with Phone() as phone:
        trunk = TrunkPolicy(name="phone", uri=phone.uri("{number}"))
        assert await probing("127.0.0.1")(trunk)
    assert phone.calls == []


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sip:{number}@192.0.2.1", ("192.0.2.1", 5060)),
        ("sip:0{number}@192.0.2.1:5080;user=phone", ("192.0.2.1", 5080)),
        ("sip:{number}@[2001:db8::1]:5070", ("2001:db8::1", 5070)),
        ("sip:{number}@carrier.example", None),
    ],
)
def test_only_an_address_is_asked(uri, address):
    assert address_of(uri) == address


def test_a_trunk_that_is_not_spoken_to_over_udp_is_not_asked():
    assert probing("0.0.0.0")(TrunkPolicy(name="t", uri="sip:{number}@192.0.2.1", transport="tcp")) is None
