"""How much memory is free for work that can choose how much it takes."""

from __future__ import annotations

from math import inf
from pathlib import Path

SYSTEM, GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def free() -> float:
    """Bytes that new work may take: what the system calls available, at most what a container's limit leaves; infinity where nothing
    says."""
    return min(_system(), _group())


def _system() -> float:
    try:
        lines = SYSTEM.read_text(encoding="utf-8").splitlines()
        return 1024 * float(next(line for line in lines if line.startswith("MemAvailable")).split()[1])
    except (OSError, StopIteration):
        return inf


def _group() -> float:
    try:
        limit, used = ((GROUP / name).read_text(encoding="utf-8").strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return inf
    return inf if limit == "max" else float(limit) - float(used)
