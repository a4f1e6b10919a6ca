"""The bundle store: immutable, hashed directories side by side, one named by ``CURRENT``; written, verified, activated, rolled back."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aisle.core.errors import BundleError

SCHEMA = 2
"""Version of the layout of a bundle: 2 seals the manifest itself. Both are read, any other is refused."""
READABLE = (1, SCHEMA)

MANIFEST = "manifest.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk: its folder and its manifest."""

    folder: Path
    manifest: dict[str, Json]

    @property
    def bundle_id(self) -> str:
        """The folder's name, which the manifest repeats."""
        return str(self.manifest["bundle"])


def read(folder: Path) -> Bundle:
    """Open the manifest without reading the files it lists.

    Raises `BundleError` when there is none, when it is damaged, or when it was written by another version.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{folder} is no bundle: it has no {MANIFEST}.", "Name a bundle or a bundle store made by `aisle train`."
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(f"{path} is damaged: {error}.", "Roll back to another bundle or train again.") from None
    if not isinstance(manifest, dict) or manifest.get("schema") not in READABLE:
        found = manifest.get("schema") if isinstance(manifest, dict) else "none"
        raise BundleError(f"{folder.name} has layout version {found}, this program reads {SCHEMA}.", "Train again with this version.")
    if manifest["schema"] == SCHEMA and manifest.get("seal") != seal(manifest):
        raise BundleError(f"{path} is damaged: its seal differs.", "Roll back to another bundle or train again.")
    return Bundle(folder, manifest)


def seal(manifest: Mapping[str, Json]) -> str:
    """A hash of all that a manifest says, so that a flipped bit in it is noticed as one in any other file is."""
    return sha256(_canonical({name: value for name, value in manifest.items() if name != "seal"})).hexdigest()


def verify(folder: Path) -> Bundle:
    """Read every file and compare its hash with the manifest. Raises `BundleError` naming the first file that is missing or differs."""
    bundle = read(folder)
    listed = bundle.manifest.get("files")
    if not isinstance(listed, dict):
        raise BundleError(f"{folder.name}: the manifest lists no files.", "Train again.")
    for name, digest in listed.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise BundleError(f"{folder.name}: {name} lies outside the bundle.", "Do not use this bundle.")
        if not path.is_file():
            raise BundleError(f"{folder.name}: {name} is missing.", "Roll back to another bundle or train again.")
        if hash_file(path) != digest:
            raise BundleError(f"{folder.name}: {name} is damaged (its hash differs).", "Roll back to another bundle or train again.")
    if sha256(_canonical(listed)).hexdigest() != bundle.manifest.get("content"):
        raise BundleError(f"{folder.name}: the list of files in {MANIFEST} was changed.", "Roll back to another bundle or train again.")
    return bundle


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes. The system is told that reads will jump about: it then keeps the file in small pieces, and who maps it
    into memory holds what it reads, not 2 MB around each number."""
    digest = sha256()
    with path.open("rb") as file:
        _advise(file.fileno(), "POSIX_FADV_RANDOM")
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


class Store:
    """A folder of bundles. ``CURRENT`` names the active one and is replaced atomically, ``PREVIOUS`` the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def at(cls, path: Path) -> tuple[Store, Path]:
        """The store and the bundle that ``path`` means: a store's active bundle, or one bundle of a store.

        Raises `BundleError` when there is neither.
        """
        if (path / MANIFEST).exists():
            return cls(path.parent), path
        store = cls(path)
        current = store.current()
        if current is None:
            raise BundleError(f"{path} holds no active bundle.", "Train one: aisle train DIR, or name another store.")
        return store, path / current

    def current(self) -> str | None:
        """Name of the active bundle, None where none was activated."""
        return self._pointer("CURRENT")

    def previous(self) -> str | None:
        """Name of the bundle that was active before, None where there is none."""
        return self._pointer("PREVIOUS")

    def names(self) -> list[str]:
        """Every bundle, oldest name first."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if (path / MANIFEST).is_file() and NAME.fullmatch(path.name))

    def activate(self, name: str) -> Bundle:
        """Make ``name`` the active bundle after its hashes were checked; on any fault the active one stays and `BundleError` says why."""
        if not NAME.fullmatch(name):
            raise BundleError(f"`{name}` is no bundle's name.", "`aisle bundles list STORE` shows them.")
        bundle = verify(self.folder / name)
        before = self.current()
        if before is not None and before != name:
            _replace(self.folder / "PREVIOUS", before)
        _replace(self.folder / "CURRENT", name)
        return bundle

    def rollback(self) -> Bundle:
        """Activate the bundle that was active before. Raises `BundleError` when there is none."""
        before = self.previous()
        if before is None:
            raise BundleError(
                f"{self.folder} has no earlier bundle to roll back to.", "Activate one by name: aisle bundles activate STORE ID."
            )
        return self.activate(before)

    @contextmanager
    def write(self, name: str, manifest: Mapping[str, Json]) -> Iterator[Path]:
        """A folder to fill; on leaving, its files are hashed, synced and it becomes bundle ``name``. A failure leaves nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        building = self.folder / f".building-{name}"
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        try:
            yield building
            files = {path.relative_to(building).as_posix(): _settled(path) for path in sorted(building.rglob("*")) if path.is_file()}
            content = sha256(_canonical(files)).hexdigest()
            full = json.loads(json.dumps({"schema": SCHEMA, "bundle": name, **manifest, "content": content, "files": files}))
            _write(building / MANIFEST, json.dumps({**full, "seal": seal(full)}, ensure_ascii=False, indent=1))
            os.replace(building, self.folder / name)
            _sync(self.folder)
        except OSError as error:
            raise BundleError(
                f"Could not write bundle {name} in {self.folder}: {error.strerror}.", "Make room or name another store."
            ) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)

    def _pointer(self, name: str) -> str | None:
        try:
            text = (self.folder / name).read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return text if NAME.fullmatch(text) else None


def _canonical(files: Mapping[str, Json]) -> bytes:
    return json.dumps(files, sort_keys=True).encode()


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    _write(fresh, text + "\n")
    os.replace(fresh, path)
    _sync(path.parent)


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _settled(path: Path) -> str:
    """The hash of a file that was just written, which is on disk from now on, and no longer in memory in the large pieces it was written
    by."""
    digest = hash_file(path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        _advise(file.fileno(), "POSIX_FADV_DONTNEED")
    return digest


def _advise(file: int, what: str) -> None:
    """Tell the system how a file will be read, where there is a way to."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file, 0, 0, getattr(os, what))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
