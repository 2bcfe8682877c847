"""Damaged files of every format: one line or the right reading, within bounds of time and memory."""

import pytest
from hostile import FORMATS, bounded


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_read_right_or_refused_in_one_line(name):
    outcome = bounded(name, 200)
    assert outcome.whole >= 100 and outcome.refused > 0.2 * outcome.damaged
