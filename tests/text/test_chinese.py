"""Chinese words: cut by jieba, whose dictionary is loaded with the first Chinese text and not before."""

from __future__ import annotations

import subprocess
import sys

PROBE = """
import sys
import aisle.serving.server
from aisle.query.complete import Completer
from aisle.text.segment import words
words("a red lamp, 12 in.")
assert "rjieba" not in sys.modules
assert "面膜" in words("补水面膜") and "rjieba" in sys.modules
"""


def test_a_shop_that_speaks_no_chinese_does_not_carry_the_dictionary() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
