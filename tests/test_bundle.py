"""The bundle store: whole or refused, one pointer, undone by one call."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from aisle.bundle import MANIFEST, Store, hash_file, read, seal, verify
from aisle.core.errors import BundleError


def write(store: Store, name: str, text: str = "weights") -> None:
    with store.write(name, {"kind": "shop"}) as folder:
        (folder / "models").mkdir()
        (folder / "models" / "a.txt").write_text(text)
        (folder / "b.bin").write_bytes(bytes(range(256)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "bundles")
    write(made, "one")
    write(made, "two", "other weights")
    return made


def test_a_written_bundle_is_whole_and_lists_its_files(store: Store) -> None:
    files = verify(store.folder / "one").manifest["files"]
    assert set(files) == {"models/a.txt", "b.bin"}  # type: ignore[arg-type]


def test_activation_is_one_pointer_and_rollback_undoes_it(store: Store) -> None:
    assert store.current() is None
    store.activate("one")
    store.activate("two")
    assert (store.current(), store.previous()) == ("two", "one")
    assert store.rollback().bundle_id == "one"
    assert (store.current(), store.previous()) == ("one", "two")


def test_without_an_earlier_bundle_rollback_says_so(store: Store) -> None:
    store.activate("one")
    with pytest.raises(BundleError, match="no earlier bundle"):
        store.rollback()


@pytest.mark.parametrize("file", ["models/a.txt", "b.bin", MANIFEST])
def test_one_flipped_bit_in_any_file_is_refused_and_the_active_one_stays(store: Store, file: str) -> None:
    store.activate("one")
    path = store.folder / "two" / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(BundleError):
        store.activate("two")
    assert store.current() == "one"


def test_any_flipped_bit_of_the_manifest_is_noticed(store: Store) -> None:
    path = store.folder / "two" / MANIFEST
    data = path.read_bytes()
    told = json.loads(data)
    for place in range(0, 8 * len(data), 11):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(bytes(flipped))
        try:
            assert read(path.parent).manifest == told, "what was read is what was written"
        except BundleError:
            continue
    path.write_bytes(data)
    assert verify(path.parent).manifest == told


def test_a_bundle_of_the_layout_before_is_read(store: Store) -> None:
    path = store.folder / "one" / MANIFEST
    old = {name: value for name, value in json.loads(path.read_text()).items() if name != "seal"} | {"schema": 1}
    path.write_text(json.dumps(old))
    assert verify(path.parent).manifest == old


def test_a_missing_file_is_named(store: Store) -> None:
    (store.folder / "one" / "b.bin").unlink()
    with pytest.raises(BundleError, match=r"b\.bin is missing"):
        verify(store.folder / "one")


def test_a_bundle_of_another_version_is_refused_with_the_mend(store: Store) -> None:
    path = store.folder / "one" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))
    with pytest.raises(BundleError, match="Train again"):
        read(store.folder / "one")


def test_a_file_outside_the_bundle_is_refused(store: Store) -> None:
    path = store.folder / "one" / MANIFEST
    manifest = json.loads(path.read_text())
    manifest |= {"files": {"../two/b.bin": manifest["files"]["b.bin"]}}
    path.write_text(json.dumps(manifest | {"seal": seal(manifest)}))
    with pytest.raises(BundleError, match="outside"):
        verify(store.folder / "one")


@pytest.mark.parametrize("name", ["../one", "", "a/b", ".hidden", "x" * 200])
def test_a_name_that_is_none_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BundleError):
        store.activate(name)


def test_a_failed_write_leaves_nothing(store: Store) -> None:
    with pytest.raises(ValueError, match="midway"), store.write("three", {}):
        raise ValueError("midway")
    assert store.names() == ["one", "two"]
    assert not [path for path in store.folder.iterdir() if path.name.startswith(".building")]


def test_a_path_means_a_store_or_one_bundle(store: Store) -> None:
    store.activate("two")
    assert Store.at(store.folder)[1].name == "two"
    assert Store.at(store.folder / "one")[1].name == "one"
    with pytest.raises(BundleError, match="aisle train"):
        Store.at(store.folder.parent / "nowhere")


def test_a_file_has_its_hash_where_the_system_takes_no_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.npy"
    path.write_bytes(b"numbers" * 1_000)
    advised = hash_file(path)
    monkeypatch.delattr(os, "posix_fadvise")
    assert hash_file(path) == advised == sha256(path.read_bytes()).hexdigest()
