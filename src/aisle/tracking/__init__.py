"""Progress on the screen, and what a training has to tell: its curves as JSON lines, on request in TensorBoard and Weights & Biases too."""

from aisle.tracking.progress import Tracker

__all__ = ["Tracker"]
