"""Starts a training's module in one process for each GPU of this machine, in this very process where there is one or none; training only.

``python -m aisle.text.launch_train MODULE FOLDER`` does what ``python -m MODULE FOLDER`` does.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, redirect_stdout
from runpy import run_module

import torch

from aisle.core.threads import threads

SELF = "aisle.text.launch_train"
RANK = "LOCAL_RANK"
"""The number of a launched process, 0 the main one; absent where none was launched."""


def launch(module: str, folder: str, processes: int) -> None:
    """Run ``module`` on ``folder`` in so many processes. The first that fails ends all, and its last words are this one's; ended by a
    signal, this one ends them too."""
    if processes < 2:
        return run(module, folder)
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    each = max(1, threads() // processes)
    said = f"--multi_gpu --num_machines 1 --num_processes {processes} --num_cpu_threads_per_process {each} --main_process_port 0"
    said += " --gpu_ids all --mixed_precision no --dynamo_backend no --log_dir"  # precision is chosen where the device is known
    try:
        launch_command(launch_command_parser().parse_args([*said.split(), f"{folder}/processes", "--module", SELF, module, folder]))
    except ChildFailedError as failed:
        held = failed.get_first_failure()[1].message
        sys.exit(held["message"] if isinstance(held, dict) else held)
    except SignalException as ended:
        signal.signal(ended.sigval, signal.SIG_DFL)
        os.kill(os.getpid(), ended.sigval)


def run(module: str, folder: str) -> None:
    """Run it here; of several processes the main one alone is heard."""
    sys.argv = [module, folder]
    with ExitStack() as silent:
        if os.environ.get(RANK, "0") != "0":
            silent.enter_context(redirect_stdout(silent.enter_context(open(os.devnull, "w", encoding="utf-8"))))
        run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if RANK in os.environ:
        from torch.distributed.elastic.multiprocessing.errors import record

        record(run)(*sys.argv[1:])
    else:
        launch(sys.argv[1], sys.argv[2], torch.cuda.device_count())
