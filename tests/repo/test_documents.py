"""The documents are true: commands exist, links lead somewhere, settings are known, and nothing in them belongs to one machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import typer.main

from aisle import cli
from aisle.retrieval.registry import SOURCES
from tests.repo.walk import ROOT, each, tracked

DOCUMENTS = tracked(".md")
EVERYTHING = tracked(".md", ".py", ".toml", ".html", ".js", ".css", "Makefile", "run")
VERBS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
FENCED = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
SHELL_LINE = re.compile(r"^(?:\$ )?(aisle|make)\b(.*?)(?:\s+#.*)?$", re.MULTILINE)
MACHINE = re.compile(r"(?<![\w.~-])/(?:work|root|tmp|home|opt)/\w")


def commands(path: Path, tool: str) -> list[str]:
    """What a document tells the reader to type after ``aisle`` or ``make``, in its shell blocks."""
    blocks = "\n".join(text for kind, text in FENCED.findall(path.read_text(encoding="utf-8")) if kind == "sh")
    return [rest.strip() for found, rest in SHELL_LINE.findall(blocks) if found == tool]


@each(DOCUMENTS)
def test_every_aisle_command_in_a_document_exists_with_its_options(path: Path) -> None:
    for line in commands(path, "aisle"):
        verb, *rest = line.split()
        assert verb in VERBS, f"aisle {verb}"
        known = {name for parameter in VERBS[verb].params for name in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, f"aisle {line}"


@each(DOCUMENTS)
def test_every_make_target_in_a_document_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in commands(path, "make"):
        assert line.split()[0] in targets, f"make {line}"


def test_the_readme_shows_how_to_use_it_in_both_languages() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        verbs = {line.split()[0] for line in commands(ROOT / name, "aisle")}
        assert {"init", "check", "train", "evaluate", "batch", "serve"} <= verbs, name


@each(DOCUMENTS)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target


@each(EVERYTHING)
def test_nothing_belongs_to_one_machine(path: Path) -> None:
    assert path == Path(__file__) or not MACHINE.findall(path.read_text(encoding="utf-8"))


def test_the_rooms_of_the_architecture_are_the_rooms_there_are() -> None:
    named = set(re.findall(r"`([a-z]+)(?:/|\.py)`", _rooms((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))))
    package = ROOT / "src" / "aisle"
    there = {path.name for path in package.iterdir() if (path / "__init__.py").is_file()}
    there |= {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    assert named == there


def _rooms(text: str) -> str:
    return text[text.index("## The rooms") : text.index("## The few")]


def test_the_import_contract_lists_the_rooms_in_the_order_of_the_architecture() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][0]
    layers = [re.sub(r"[()]", "", name) for line in contract["layers"] for name in line.split(" | ")]
    named = re.findall(r"`([a-z]+)(?:/|\.py)`", _rooms((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    assert named == [name for name in reversed(layers) if name in named]


def test_every_source_is_one_line_in_the_registry() -> None:
    assert all(name == kind.name for name, kind in SOURCES.items())
