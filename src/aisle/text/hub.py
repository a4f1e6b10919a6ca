"""Models that the Hugging Face hub keeps: fetched where a setting names one, never otherwise, pinned to a commit and to hashes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aisle.core.errors import InputError
from aisle.settings import HUB_NAME
from aisle.text.pretrained import PICKLES, PROMPTS, check_config, check_folder, pickled

WEIGHTS = "model.safetensors"
BESIDE = (
    *("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"),
    *("modules.json", "sentence_bert_config.json", "1_Pooling/config.json", "README.md", PROMPTS),
)
"""What is fetched beside the weights: how to read tokens, how to pool them, and the card, which states the licence. Nothing else is."""
NEEDS = "pip install huggingface-hub"


@dataclass(frozen=True)
class HubModel:
    """A fetched model: ``name`` (`org/name`), the ``commit`` it is pinned to, and the ``folder`` of the hub's own cache that holds it."""

    name: str
    commit: str
    folder: Path

    @property
    def pinned(self) -> str:
        """What names it from now on: the same files for ever."""
        return f"{self.name}@{self.commit}"


def fetch(said: str) -> HubModel:
    """The model that `org/name` or `org/name@revision` names, from Hugging Face's cache (``HF_HOME``) where it is complete there, else from
    the hub (``HF_ENDPOINT``); a commit that was fetched before needs no network, and without one a branch is as it was fetched last.

    Raises `InputError` for a name or revision that the hub does not know, without a network (with what to do instead), for code that the
    model brings along, for pickles, and for what `check_folder` refuses. Weights are fetched last, when all else is seen to be good.
    """
    found = HUB_NAME.fullmatch(said)
    if found is None:
        raise InputError(f"`{said}` is no name of a model on a hub.", "Write org/name or org/name@revision.")
    name, revision = found["name"], found["revision"] or "main"
    folder = _snapshot(name, revision, BESIDE)
    check_config(folder)
    commit = folder.name
    if not (folder / WEIGHTS).is_file():
        folder = _snapshot(name, commit, (*BESIDE, WEIGHTS))
        if not (folder / WEIGHTS).is_file() and any(path.endswith(PICKLES) for path in _listed(name, commit)):
            raise pickled(f"{name} on the hub")
    check_folder(folder)
    return HubModel(name, commit, folder)


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that `fetch` takes and the model has."""
    paths = {name: folder / name for name in (*BESIDE, WEIGHTS)}
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in paths.items() if path.is_file()}


def verify(model: HubModel, files: Mapping[str, str]) -> None:
    """Raises `InputError` naming the first file that is not the one whose hash ``files`` holds."""
    now = hashes(model.folder)
    for name in sorted({*files, *now}):
        if files.get(name) != now.get(name):
            what = f"{name} of {model.pinned} has hash {now.get(name, 'none')[:12]}, the plan says {files.get(name, 'none')[:12]}."
            raise InputError(what, f"Remove {model.folder} and run again, or leave out --plan.")


def _snapshot(name: str, revision: str, files: tuple[str, ...]) -> Path:
    """The folder of the cache that holds these files of a revision; its name is the commit."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError
        from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    except ModuleNotFoundError:
        raise InputError(f"{name} lies on a hub, and the package that asks it is not installed.", NEEDS) from None
    silent = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(files), endpoint=os.environ.get("HF_ENDPOINT")))
    except GatedRepoError:
        raise InputError(f"The hub hands out {name} only to whom its terms bind.", "Accept them on its page and set HF_TOKEN.") from None
    except RepositoryNotFoundError:
        raise InputError(f"The hub knows no model {name}, or not for you.", "Correct the name; a private one needs HF_TOKEN.") from None
    except RevisionNotFoundError:
        raise InputError(f"{name} has no revision `{revision}` on the hub.", "Name a branch, a tag or a whole commit.") from None
    except _faults() as error:
        raise _away(name, revision, error) from None
    finally:
        if not silent:
            enable_progress_bars()


def _listed(name: str, commit: str) -> list[str]:
    """Every file of a commit."""
    from huggingface_hub import HfApi

    try:
        return HfApi(endpoint=os.environ.get("HF_ENDPOINT")).list_repo_files(name, revision=commit)
    except _faults() as error:
        raise _away(name, commit, error) from None


def _faults() -> tuple[type[Exception], ...]:
    """What the package raises where a hub cannot be asked: its own, and those of the HTTP library that it uses."""
    from huggingface_hub import errors

    return OSError, errors.HTTPError  # type: ignore[attr-defined]


def _away(name: str, revision: str, error: Exception) -> InputError:
    """The hub cannot be asked: how to fetch the model elsewhere and where to put it."""
    short = name.rpartition("/")[2]
    said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    get = f"hf download {name} --revision {revision} --local-dir {short} " + " ".join(
        f'--include "*.{end}"' for end in ("json", "txt", "md")
    )
    return InputError(
        f"{name} is not in this machine's cache and the hub cannot be reached ({said[:200]}); no folder of that name is here either.",
        f"On a machine with a network: `{NEEDS}`, then `{get} --include {WEIGHTS}`. Copy the folder {short} to models/{short} beside "
        f'aisle.toml and set encoder = "models/{short}".',
    )
