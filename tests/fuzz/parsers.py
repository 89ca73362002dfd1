"""The fuzz target of what reads a client's bytes before anybody is known: run it for as long as you like.

    .venv/bin/python tests/fuzz/parsers.py [SECONDS]

`one_input` is also what atheris and the like call.
"""

import json
import sys
from contextlib import suppress
from itertools import count
from time import monotonic

from mutation import mutated, seeds

from leadline.intake.document import read_document
from leadline.intake.lenient_json import Unrepairable, repair
from leadline.intake.request import PushRefused
from leadline.web.data_field import data_of


def one_input(data: bytes) -> None:
    """Every reader takes the bytes, or says where they are wrong; raises AssertionError for one that does neither."""
    data_of(data)
    try:
        read_document(data)
        is_sound = True
    except PushRefused as refused:
        is_sound = False
        _check_place(data.decode("utf-8", "replace"), refused.problem.line or 0, refused.problem.column or 0)
    text = data.decode("utf-8-sig", "replace")
    try:
        repaired = repair(text)
    except Unrepairable as fault:
        _check_place(text, fault.line, fault.column)
    else:
        with suppress(ValueError):  # an integer of more digits than Python reads
            json.loads(repaired.text)
        assert not (is_sound and repaired.warnings), "a sound document was changed"


def _check_place(text: str, line: int, column: int) -> None:
    lines = text.split("\n")
    assert 1 <= line <= len(lines)
    assert 1 <= column <= len(lines[line - 1]) + 1


def main(seconds: float) -> None:
    """Mutate and read until the time is over."""
    documents, until = seeds(), monotonic() + seconds
    for seed in count():
        for data in mutated(documents, 1_000, seed):
            one_input(data)
        if monotonic() > until:
            sys.stdout.write(f"{(seed + 1) * 1_000} documents, no fault\n")
            return


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
