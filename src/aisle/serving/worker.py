"""One worker process: takes its plan from standard input and the listening socket from its parent, and ends when its parent does."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

import orjson

from aisle.core.errors import AisleError
from aisle.serving.plan import Plan, open_service, without_training


def main(number: int) -> int:
    """Serve on the socket of file ``number``. Says on standard output that it is ready, or why it cannot be."""
    plan = Plan.of(sys.stdin.readline())
    without_training()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when to stop
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        from aisle.serving.server import answer

        answer(open_service(plan), socket.socket(fileno=number), lambda: _tell({"ready": True}))
    except AisleError as error:
        _tell({"what": error.what, "mend": error.mend})
        return 1
    return 0


def _end_with_parent() -> None:
    """The parent holds the other end of standard input: when that closes, it is gone, and whoever comes next needs the port."""
    while os.read(sys.stdin.fileno(), 1_024):
        pass
    os._exit(0)


def _tell(told: dict[str, object]) -> None:
    os.write(sys.stdout.fileno(), orjson.dumps(told) + b"\n")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
