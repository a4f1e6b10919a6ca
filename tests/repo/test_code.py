"""The repository's own rules, read off the syntax trees: what may be imported and called, and how long things may get."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.repo.walk import each, imports, python, shown, tree

SOURCE = python("src")
LONGEST_FILE, LONGEST_FUNCTION = 400, 40
TRAINING_ONLY = {"torch", "transformers", "sentence_transformers", "accelerate"}
SERVING_NEVER = {"duckdb", "ibis", "pandas", "sklearn", "implicit", "pyarrow", "PIL", "resvg_py"}


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


def in_training(path: Path) -> bool:
    return "train" in path.stem or "train" in path.parts


@each(SOURCE)
def test_torch_is_imported_in_training_files_only(path: Path) -> None:
    assert in_training(path) or not imports(path) & TRAINING_ONLY


@each(SOURCE)
def test_nothing_unpickles_evaluates_or_prints(path: Path) -> None:
    assert not imports(path) & {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert not {name_of(call) for call in calls(path)} & {"eval", "exec", "print", "__import__", "os.system"}
    for call in calls(path):
        trusting = [word for word in call.keywords if word.arg == "allow_pickle"]
        assert all(isinstance(word.value, ast.Constant) and word.value.value is False for word in trusting), ast.unparse(call)


@each(SOURCE)
def test_arrays_are_loaded_without_pickle_said_aloud(path: Path) -> None:
    for call in calls(path):
        if name_of(call) in ("np.load", "numpy.load"):
            assert any(word.arg == "allow_pickle" for word in call.keywords), f"line {call.lineno}: say allow_pickle=False"


def wall_clock(path: Path) -> list[int]:
    reading = {"time.time", "datetime.now", "datetime.utcnow", "datetime.datetime.now", "datetime.today"}
    return [call.lineno for call in calls(path) if name_of(call) in reading]


PURE = [path for room in ("core", "data", "profile", "filters", "retrieval", "ranking", "fusion") for path in python(f"src/aisle/{room}")]


@each(PURE)
def test_nothing_below_the_edge_reads_the_wall_clock(path: Path) -> None:
    assert not wall_clock(path)


@each([*SOURCE, *python("tests"), *python("benchmarks")])
def test_files_and_functions_stay_readable(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} (line {node.lineno}) has {length} lines"


@each([*SOURCE, *python("tests"), *python("benchmarks")])
def test_each_file_says_on_its_first_line_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path)) or not path.read_text(encoding="utf-8").strip()


@each(SOURCE)
def test_public_functions_are_typed_and_hand_out_no_any(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        assert node.returns is not None, f"{node.name} (line {node.lineno}) has no return type"
        assert ast.unparse(node.returns) != "Any", f"{node.name} (line {node.lineno}) returns Any"


def broad(path: Path) -> list[int]:
    """Lines of the handlers that take everything and do not raise it again."""
    caught = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler) and not _raises_again(node)]
    return [node.lineno for node in caught if node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")]


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@each([*SOURCE, *python("tests"), *python("benchmarks")])
def test_what_says_that_it_returns_something_does(path: Path) -> None:
    """The type checker reads the package alone; a benchmark could forget it until somebody runs it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None and not stub(node):
            nothing = ast.unparse(node.returns) in ("None", "NoReturn", "Never")
            assert nothing or gives(node), f"{node.name}, line {node.lineno}, returns nothing"


def stub(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A docstring or an ellipsis alone."""
    return all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in node.body)


def gives(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it hands out anything anywhere, or ends in an error."""
    inner = (part for line in node.body for part in ast.walk(line))
    return isinstance(node.body[-1], ast.Raise) or any(
        isinstance(part, ast.Yield | ast.YieldFrom) or (isinstance(part, ast.Return) and part.value is not None) for part in inner
    )


def test_everything_is_caught_in_two_places_only() -> None:
    allowed = ("src/aisle/pipeline.py", "src/aisle/core/runner.py", "src/aisle/serving/")
    assert {shown(path): broad(path) for path in SOURCE if broad(path) and not shown(path).startswith(allowed)} == {}


def test_each_room_has_a_mirror_in_the_tests() -> None:
    rooms = {path.parent.name for path in SOURCE if path.parents[1].name == "aisle" and path.name != "__init__.py"}
    mirrors = {path.parent.name for path in python("tests")}
    assert rooms <= mirrors, f"no tests for: {sorted(rooms - mirrors)}"
