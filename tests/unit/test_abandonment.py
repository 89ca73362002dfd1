"""What is asked of a process that dials ahead, what its customers hear, and what becomes of one who was abandoned."""

from datetime import timedelta
from typing import get_args

import pytest

from builders import NOON
from leadline.configuration.problems import UnusableConfiguration
from leadline.configuration.reading import read
from leadline.domain.abandonment import to_whoever_is_free
from leadline.domain.attempt import Outcome
from leadline.domain.conclusion import conclude
from leadline.domain.flow import Begun, Connect, EndCall, Play, Played, TransferEnded, step, validate
from leadline.domain.flow import FlowState as State
from leadline.domain.lead import ClosedReason
from leadline.domain.pacing import AGENT_WITHIN
from leadline.domain.policy import Mode, RetryPolicy, RetryRule
from leadline.web import shapes

FLOW = to_whoever_is_free("VoiceProcess", {"en": "This was Acme."})
ONCE = RetryPolicy(no_answer=RetryRule(timedelta(minutes=30), 1), max_attempts=6)
FILE = """
organisations:
  - name: Acme
    apikey: k
    timezone: Asia/Kolkata
    subscriptions: {tts: {until: 2099-12-31}}
    users: [{login: asha, endpoint: "sip:asha@127.0.0.1:5090"}]
    processes:
      - servicekey: VoiceProcess
        mode: predictive
        users: [asha]
        speech: {language: en}
        ring_timeout: RING
        pacing: {abandoned_message: {en: "This was Acme, {{ fname }}.", hi: "यह Acme था।"}, abandonment_cap: CAP}
trunks: [{name: telco, uri: "sip:{number}@127.0.0.1"}]
"""


@pytest.fixture
def process(tmp_path):
    """The process of a file with this cap and ring timeout."""

    def read_text(cap="2.5%", ring="15s"):
        file = tmp_path / "leadline.yaml"
        file.write_text(FILE.replace("CAP", cap).replace("RING", ring), encoding="utf-8")
        ((process,),) = (organisation.processes for organisation in read(file, {}).organisations)
        return process

    return read_text


def walk(*events):
    state, done = State(), []
    for event in events:
        state, actions = step(FLOW, state, event)
        done += actions
    return state, done


def test_the_customer_is_connected_at_once_and_told_who_called_if_nobody_is_free():
    assert validate(FLOW) == []
    state, (first, second, third) = walk(Begun(), TransferEnded("no_agent"), Played())
    assert isinstance(first, Connect)
    assert (first.transfer.queue, first.transfer.timeout) == ("VoiceProcess", AGENT_WITHIN)
    assert (second, third) == (Play("message"), EndCall("abandoned"))
    assert state.path == ("agent", "message", "abandoned")


def test_a_customer_who_was_spoken_to_hears_no_message():
    _, done = walk(Begun(), TransferEnded("ended"))
    assert done[1:] == [EndCall("completed")]


def test_the_file_says_the_message_and_the_cap(process):
    made = process()
    assert made.policy.mode is Mode.PREDICTIVE
    assert made.policy.pacing.abandonment_cap == 0.025
    assert made.policy.spoken == ("fname",)
    assert dict(made.flow.nodes["message"].texts) == {"en": "This was Acme, {{ fname }}.", "hi": "यह Acme था।"}
    assert process("0%").policy.pacing.abandonment_cap == 0.0


@pytest.mark.parametrize(
    ("cap", "ring", "said"), [("3%", "14s", "15s"), ("10.5%", "15s", "10%"), ("0.03", "15s", "3%")]
)
def test_what_the_law_forbids_is_refused_with_the_remedy(process, cap, ring, said):
    with pytest.raises(UnusableConfiguration, match=said):
        process(cap, ring)


def test_an_abandoned_customer_is_called_again_as_one_who_did_not_answer():
    first = conclude(Outcome.ABANDONED, {Outcome.ABANDONED: 1}, ONCE, NOON)
    assert (first.closed, first.due_at) == (None, NOON + timedelta(minutes=30))
    assert "abandoned" in first.reason
    both = {Outcome.ABANDONED: 1, Outcome.NO_ANSWER: 1}
    for last in both:
        assert conclude(last, both, ONCE, NOON).closed is ClosedReason.ATTEMPTS_EXHAUSTED


def test_abandoned_attempts_count_once_towards_all_attempts():
    history = {Outcome.ABANDONED: 2, Outcome.BUSY: 3}
    many = RetryPolicy(no_answer=RetryRule(timedelta(minutes=30), 9), max_attempts=6)
    assert conclude(Outcome.ABANDONED, history, many, NOON).closed is None
    more = {**history, Outcome.BUSY: 4}
    assert conclude(Outcome.ABANDONED, more, many, NOON).closed is ClosedReason.ATTEMPTS_EXHAUSTED


def test_what_is_told_of_an_abandoned_attempt_is_that_the_customer_answered():
    assert Outcome.ABANDONED.told is Outcome.ANSWERED
    assert {outcome.told for outcome in Outcome} == set(get_args(shapes.Outcome))
