"""The repository as the tests of it see it: its tracked files and the syntax trees of its Python."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked(*suffixes: str) -> tuple[Path, ...]:
    """The files that git tracks or would add, by the ends of their names."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:  # an unpacked archive has no git
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if not any(part.startswith(".venv") for part in path.parts)]
    else:
        names = listed.stdout.splitlines()
    return tuple(ROOT / name for name in sorted(names) if name.endswith(suffixes) and (ROOT / name).is_file())


def python(folder: str) -> list[Path]:
    """The Python files below ``folder``."""
    return [path for path in tracked(".py") if path.is_relative_to(ROOT / folder)]


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> set[str]:
    """The top-level names of all that a file imports, at its head or inside a function."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def shown(path: Path) -> str:
    """A path as a reader knows it."""
    return path.relative_to(ROOT).as_posix()


def each(paths: Sequence[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """Makes one test of a check of single files; when it fails it names every file that does."""

    def test_of(check: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            found = []
            for path in paths:
                try:
                    check(path)
                except AssertionError as error:
                    found.append(f"{shown(path)}: {str(error).splitlines()[0] if str(error) else 'see the check'}")
            assert paths and not found, "\n".join(found)

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return test_of
