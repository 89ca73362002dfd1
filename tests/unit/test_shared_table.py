"""Rows of numbers by key, shared by processes."""

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from leadline.web.shared_table import BUCKET, SharedTable

ADD = """
import sys
from leadline.web.shared_table import SharedTable
table = SharedTable(int(sys.argv[1]), 1)
for n in range(2_000):
    with table.row(b"key", 1.0) as row:
        row[0] += 1
"""


@given(st.lists(st.tuples(st.binary(max_size=3), st.floats(-1e9, 1e9)), max_size=BUCKET))
def test_each_key_keeps_its_own_numbers(writes):
    table = SharedTable.create(1_000, 2)
    written = {}
    for key, number in writes:
        with table.row(key, 1.0) as row:
            assert tuple(row) == written.get(key, (0.0, 0.0))
            row[0], row[1] = written[key] = (number, -number)


def test_the_row_that_was_not_used_for_longest_is_given_up_and_empty_for_the_next():
    table = SharedTable.create(BUCKET, 1)
    for n in range(BUCKET + 1):
        with table.row(b"%d" % n, 1.0 + n) as row:
            assert row[0] == 0
            row[0] = 7
    with table.row(b"0", 100.0) as row:
        assert row[0] == 0
    with table.row(b"2", 101.0) as row:
        assert row[0] == 7


def test_what_several_processes_count_at_once_adds_up():
    table = SharedTable.create(100, 1)
    command = [sys.executable, "-c", ADD, str(table.descriptor)]
    counting = [subprocess.Popen(command, pass_fds=[table.descriptor], env=dict(os.environ)) for _ in range(3)]
    assert [process.wait(60) for process in counting] == [0, 0, 0]
    with table.row(b"key", 1.0) as row:
        assert row[0] == 6_000
