"""onnxruntime comes with the first graph, and what is no graph is refused by one of its own errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aisle.core import onnx


def test_a_server_starts_without_onnxruntime() -> None:
    said = "import sys; import aisle.cli, aisle.live, aisle.serving.server; print('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "False\n"


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(onnx.failures()):
        onnx.session(b"no graph", severity=onnx.SILENT)
