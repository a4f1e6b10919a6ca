"""TensorBoard and Weights & Biases as sinks. Both come with the extra ``track``; neither speaks to a network unless the settings ask."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from aisle.core.errors import SettingsError
from aisle.settings import Tracking
from aisle.tracking.lines import JsonLines
from aisle.tracking.run import Json, Run, Sink

MODULES = {"tensorboard": "tensorboardX", "wandb": "wandb"}


class TensorBoard:
    """Event files that ``tensorboard --logdir`` shows; written without TensorFlow or torch."""

    def __init__(self, folder: Path) -> None:
        from tensorboardX import SummaryWriter

        self.writer = SummaryWriter(str(folder))

    def point(self, part: str, step: int, values: Mapping[str, float]) -> None:
        """A scalar each, ``part/name``."""
        for name, value in values.items():
            self.writer.add_scalar(f"{part}/{name}", value, step)

    def fact(self, name: str, value: Json) -> None:
        """A text of JSON."""
        self.writer.add_text(name, f"```json\n{json.dumps(value, ensure_ascii=False, indent=1)}\n```")

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()


class WandB:
    """A Weights & Biases run, offline unless ``online``: ``wandb sync FOLDER`` sends it when somebody wants to.

    Neither code nor the state of a repository, the screen or the machine is taken along.
    """

    def __init__(self, folder: Path, project: str, name: str, online: bool = False) -> None:
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # else its own failures would be sent away, offline or not
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, disable_job_creation=True, x_disable_stats=True,
            x_disable_machine_info=True, x_save_requirements=False, host="aisle", program="aisle",
        )  # fmt: skip
        mode: Any = "online" if online else "offline"
        self.run: Any = wandb.init(project=project, name=name, dir=str(folder), mode=mode, settings=settings, reinit="create_new")
        self.known: set[str] = set()

    def point(self, part: str, step: int, values: Mapping[str, float]) -> None:
        """``part/name`` over ``part/step``: every part counts its own steps."""
        if not values:
            return
        if part not in self.known:
            self.known.add(part)
            self.run.define_metric(f"{part}/step", hidden=True)
            self.run.define_metric(f"{part}/*", step_metric=f"{part}/step")
        self.run.log({f"{part}/{name}": value for name, value in values.items()} | {f"{part}/step": step})

    def fact(self, name: str, value: Json) -> None:
        """Goes into the run's configuration."""
        self.run.config.update({name: value}, allow_val_change=True)

    def close(self) -> None:
        """Write what is left; online, wait until it is sent."""
        self.run.finish()


def opened(settings: Tracking, folder: Path, name: str) -> Run:
    """The run of the training ``name``: ``folder/name.jsonl`` always, the boards of ``[tracking] to`` beside it.

    Raises `SettingsError` for a board that is not installed.
    """
    check(settings.to)
    sinks: list[Sink] = []
    for board in settings.to:
        place = folder / name / board
        sinks.append(TensorBoard(place) if board == "tensorboard" else WandB(place, settings.project, name, settings.online))
    path = folder / f"{name}.jsonl"
    return Run(sinks, [JsonLines(path)], path=path)


def check(boards: Sequence[str]) -> None:
    """Whether each is installed, before hours of work."""
    for board in boards:
        if find_spec(MODULES[board]) is None:
            raise SettingsError(
                f'aisle.toml: `tracking.to` names "{board}", whose package {MODULES[board]} is not installed.',
                "Install it with: pip install 'aisle[track]', or take it out of the list.",
            )
