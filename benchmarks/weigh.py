"""Runs a command and writes its status, seconds and peak megabytes as JSON: ``python weigh.py OUT COMMAND...``

A process of its own, small and fresh, since a child's peak on Linux begins with that of the process that started it.
"""

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    start = time.perf_counter()
    child = subprocess.Popen(sys.argv[2:], stdout=sys.stderr)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        json.dump([child.returncode, time.perf_counter() - start, used.ru_maxrss / 1024], out)
