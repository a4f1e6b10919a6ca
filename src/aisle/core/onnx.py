"""Opens ONNX graphs. onnxruntime is loaded with the first of them: a bundle that has none does without its 20 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SPINNING = "session.intra_op.allow_spinning"
SILENT = 4
"""Says only what ends the process."""
ERRORS = 3
"""Says no warnings: it has one for every input that an adapter fills."""


def session(graph: bytes, threads: int = 1, severity: int = ERRORS) -> InferenceSession:
    """An open graph that runs on the processor; a thread that waits for the next piece of work sleeps. Raises one of `failures` where
    ``graph`` is none."""
    from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = severity
    options.add_session_config_entry(SPINNING, "0")
    return InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def failures() -> tuple[type[Exception], ...]:
    """What onnxruntime raises; its exceptions have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    return tuple(kind for kind in vars(raised).values() if isinstance(kind, type) and issubclass(kind, Exception))
