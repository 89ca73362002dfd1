"""What a body is that does not fit: the field, and what to write instead."""

import msgspec
import pytest

from leadline.web.agent_shapes import Wish, Word
from leadline.web.control_shapes import Reschedule
from leadline.web.do_not_call_shapes import DoNotCall
from leadline.web.problems import Refused
from leadline.web.reading import read

MOMENT = "cannot be read: write 2026-11-25 10:00:00 or 2026-11-25T04:30:00Z"


@pytest.mark.parametrize(
    ("shape", "body", "field", "said"),
    [
        (Reschedule, {"calldatetime": "tomorrow"}, "calldatetime", f"calldatetime {MOMENT}"),
        (Reschedule, {"calldatetime": 5}, "calldatetime", f"calldatetime {MOMENT}"),
        (Reschedule, {"calltype": 7}, "calltype", "calltype cannot be read: write 5 or 21 or 31 or 41 or 71 or 1001"),
        (Reschedule, {"ids": [0]}, "ids", "ids: Expected `int` >= 1"),
        (Reschedule, {"stat": "closed"}, "stat", "stat is no field of this request: there are servicekey, state, "),
        (Reschedule, [], None, "Expected `object`, got `array`: send an object, of servicekey, state, "),
        (Wish, {"presence": "on_call"}, "presence", "presence cannot be read: write logged_out or paused or ready"),
        (Word, {}, "login", "login is missing: there are login"),
        (DoNotCall, {"numbers": ["12"], "expires": "soon"}, "expires", f"expires {MOMENT}"),
        (DoNotCall, {"numbers": []}, "numbers", "numbers: Expected `array` of length >= 1"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(shape, body, field, said):
    with pytest.raises(Refused) as refused:
        read(msgspec.json.encode(body), shape)
    assert (refused.value.status, refused.value.code, refused.value.field) == (422, "invalid_field", field)
    assert refused.value.detail.startswith(said)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_what_is_no_json_is_said_to_be_none(body):
    with pytest.raises(Refused, match="the body is no JSON") as refused:
        read(body, Word)
    assert (refused.value.status, refused.value.code) == (400, "malformed_json")
