"""Nets with settings for toys."""

from __future__ import annotations

from dataclasses import replace

from aisle.ranking.ctr.net import KINDS, Net


def small(kind: str, learning_rate: float = 0.01, epochs: int = 6, tower: str | None = None) -> Net:
    """A net for some thousand rows."""
    rate = 0.05 if kind == "lr" else learning_rate
    return Net(kind, replace(KINDS[kind], embedding_size=8, layers=(16,), learning_rate=rate, epochs=epochs, batch=128, tower=tower))
