"""The rooms of DESIGN's house: which may import which, what the help may load, and how long things are."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/linrec_cli"
TOP = "linrec_cli"
ROOMS = """
    presets data datasets -> splits kernels -> attentions -> models -> objectives losses -> protocols metrics evaluation
    -> training -> profiling phases -> results -> analysis -> runs -> plots figures -> reporting -> cli
"""
"""From left to right; those of one place may import each other."""
PLACE = {room: place for place, group in enumerate(ROOMS.split("->")) for room in group.split()}
CATALOGS = {room for room in PLACE if list((SOURCE / room).glob("__init__.py"))} & {
    *("attentions", "datasets", "figures", "losses", "metrics"),
    *("models", "objectives", "phases", "presets", "protocols", "splits"),
}
HEAVY = {"torch", "polars", "matplotlib", "numpy", "safetensors"}
MODULES = {".".join([TOP, *path.relative_to(SOURCE).with_suffix("").parts]): path for path in SOURCE.rglob("*.py")}
MODULES = {name.removesuffix(".__init__"): path for name, path in MODULES.items()}
LONG_FILES: dict[str, int] = {}
LONG_FUNCTIONS = {
    f"{TOP}.kernels._chunks.fill_gradients": 46,
    f"{TOP}.cli.compare.command": 70,
    f"{TOP}.data.file.read.read": 42,
    f"{TOP}.data.store.open_prepared": 53,
}
"""Exceptions to the habits, with the length that each may have."""


def imported(tree: ast.AST, known: set[str]) -> Iterator[str]:
    """Give the dotted name of every module that is imported, in functions too; of a relative one the dots."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                inner = level == 0 and module in (TOP, *known)
                yield from (f"{module}.{alias.name}" if inner else "." * level + (module or "") for alias in names)


def asked(tree: ast.AST) -> Iterator[str]:
    """Give every catalog that is asked for, where it stands as a literal."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Attribute(ast.Name("catalog")), [ast.Constant(str(package)), *_]):
                yield package


def split(module: str) -> tuple[str, str]:
    """Name the room of a module, or the module itself where it stands in none, and its name in the room."""
    _, place, name, *_ = [*module.split("."), "", ""]
    return place, name


def wrong(module: str, source: str, known: set[str]) -> list[str]:
    """List what a module imports, or asks for, that it may not."""
    (own, _), tree, found = split(module), ast.parse(source), []
    for name in imported(tree, known):
        if name.startswith("."):
            found.append(f"{module} imports {name}: say from where")
        if name.partition(".")[0] != TOP:
            continue
        place, inner = split(name)
        if PLACE.get(place, -1) > PLACE.get(own, -1) and (own, place) != ("__main__", "cli"):
            found.append(f"{module} imports {name}, which stands to its right")
        if place in CATALOGS - {own} and f"{TOP}.{place}.{inner}" in known and not inner.startswith("_"):
            found.append(f"{module} imports {name} by name; ask the catalog")
    right = [place for place in asked(tree) if own in PLACE and PLACE.get(place, -1) > PLACE[own]]
    return found + [f"{module} asks {place}, which stands to its right" for place in right]


def eager(source: str, known: set[str]) -> set[str]:
    """List what is imported when a module is: not what stands in functions or is for types alone."""
    later = ast.FunctionDef | ast.ClassDef | ast.If
    now = [node for node in ast.parse(source).body if not isinstance(node, later)]
    return set(imported(ast.Module(now, []), known))


def longer(most_lines: int, most_of_a_function: int) -> tuple[dict[str, int], dict[str, int]]:
    """Measure files and functions over these lengths."""
    files, functions = {}, {}
    for module, path in MODULES.items():
        text = path.read_text("utf-8")
        if (lines := len(text.splitlines())) > most_lines:
            files[module] = lines
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (lines := node.end_lineno - node.lineno + 1) > most_of_a_function:
                functions[f"{module}.{node.name}"] = lines
    return files, functions


@pytest.mark.parametrize(
    ("module", "line", "fine"),
    [
        ("linrec_cli.data.store", "from linrec_cli.training import fit", False),
        ("linrec_cli.data.store", "def read():\n    import linrec_cli.cli.show", False),
        ("linrec_cli.errors", "from linrec_cli import data", False),
        ("linrec_cli.results.rows", "from linrec_cli.analysis.verdict import judge", False),
        ("linrec_cli.training.fit", "catalog.load('phases', name)", False),
        ("linrec_cli.training.fit", "from . import batches", False),
        ("linrec_cli.training.fit", "from ..models import _initial", False),
        ("linrec_cli.settings", "catalog.load('models', name)", True),
        ("linrec_cli.runs.train", "from linrec_cli.metrics import ndcg", False),
        ("linrec_cli.runs.train", "from linrec_cli.metrics.ndcg import value", False),
        ("linrec_cli.runs.train", "catalog.load('metrics', name)", True),
        ("linrec_cli.training.fit", "from linrec_cli.data.store import read\nfrom linrec_cli import errors", True),
        ("linrec_cli.attentions.linear_gated", "from linrec_cli.attentions.linear import Attention", True),
        ("linrec_cli.training.fit", "from linrec_cli.models._initial import draw\nimport torch", True),
        ("linrec_cli.__main__", "from linrec_cli.cli import main", True),
    ],
)
def test_a_planted_import_is_found(module: str, line: str, fine: bool) -> None:
    known = {"linrec_cli.metrics", "linrec_cli.metrics.ndcg", "linrec_cli.attentions.linear", "linrec_cli.training"}
    assert (wrong(module, line, known | {"linrec_cli.data", "linrec_cli.models._initial"}) == []) == fine


def test_every_room_has_its_place() -> None:
    assert {path.parent.name for path in SOURCE.glob("*/__init__.py")} <= PLACE.keys()
    assert len(CATALOGS) == 11


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_room_imports_from_its_left_and_asks_catalogs_for_names(module: str) -> None:
    assert wrong(module, MODULES[module].read_text("utf-8"), set(MODULES)) == []


def test_what_the_command_line_loads_at_once_is_light() -> None:
    left, seen = [name for name in MODULES if split(name)[0] in ("cli", "settings", "catalog")], set()
    while left:
        module = left.pop()
        if module not in MODULES or module in seen:
            continue
        seen.add(module)
        found = eager(MODULES[module].read_text("utf-8"), set(MODULES))
        assert {name.partition(".")[0] for name in found} & HEAVY == set(), module
        # The packages of a module are imported with it, and the last part may be no module.
        left += [".".join(name.split(".")[:n]) for name in found for n in (1, 2, 3, 4)]
    assert f"{TOP}.errors" in seen


def test_help_loads_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-m", TOP, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert f"{TOP}.cli" in loaded
    assert HEAVY & loaded == set()


def test_files_and_functions_are_short_but_for_a_few() -> None:
    files, functions = longer(250, 40)
    assert {name: n for name, n in files.items() if n > LONG_FILES.get(name, 0)} == {}
    assert {name: n for name, n in functions.items() if n > LONG_FUNCTIONS.get(name, 0)} == {}
