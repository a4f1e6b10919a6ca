"""A process that forks writers on request, so that a claim may kill them: `python -m tests.state.victim FOLDER`, told what to do on stdin.

Writers say on stdout, one short line at a time, what they send (``s``) and what was acknowledged (``a``): the pipe outlives them.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from random import Random
from threading import Thread

from aisle.state.folder import State
from tests.state.support import event

THREADS = 4


def say(*words: str) -> None:
    """One line in one write, which a pipe keeps whole."""
    os.write(1, (" ".join(words) + "\n").encode())


def write(folder: Path, name: str, seed: int, wrong: bool) -> None:
    """Append small batches from several threads until killed. A ``wrong`` writer acknowledges before it has written."""
    state = State.open(folder)

    def work(thread: int) -> None:
        random, number = Random(f"{seed}-{thread}"), 0
        while True:
            ids = [f"{name}.{thread}.{number + place}" for place in range(random.randint(1, 4))]
            number += len(ids)
            say("s", name, *ids)
            if wrong:
                say("a", name, *ids)
            state.log.append([event(one, "u", note="x" * random.randint(0, 500)) for one in ids])
            if not wrong:
                say("a", name, *ids)

    threads = [Thread(target=work, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """Fork a writer for each line ``NAME SEED right|wrong``; answer ``sync N``."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        first, second, *rest = line.split()
        if first == "sync":
            say("y", second)
        elif pid := os.fork():
            say("p", first, str(pid))
        else:
            write(folder, first, int(second), rest == ["wrong"])


if __name__ == "__main__":
    main()
