"""The bugs that are planted, on texts and on a small package of its own whose survivors are known."""

import re
import subprocess
import sys
from pathlib import Path

import changes
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

FILES = {
    "src/toy/__init__.py": "",
    "src/toy/metrics/__init__.py": "",
    "src/toy/metrics/add.py": '''
def add(a: int = 0, b: int = 0) -> int:
    """Add two numbers."""
    return a + b
def unseen(x):
    return x < 5
def far(x):
    if x["key"] > 2:
        raise ValueError("1 + 1")
    return "near"
''',
    "src/toy/runs/__init__.py": "",
    "src/toy/runs/one.py": "\n".join(f"a{n} = {n} < {n}" for n in range(9)),
    "src/toy/runs/two.py": "\n".join(f"b{n} = {n} < {n}" for n in range(9)),
    "tests/test_metrics/test_add.py": """
import subprocess, sys
def test_in_a_python_of_its_own():
    done = subprocess.run([sys.executable, "-c", "from toy.metrics.add import add; print(add() + add(2, 1))"],
                          capture_output=True, text=True)
    assert done.stdout == "3\\n"
def test_here():
    from toy.metrics import add
    assert add.add
""",
    "tests/test_cli/test_use.py": """
from toy.metrics.add import far
def test_far():
    assert far({"key": 2}) == "near"
""",
    "tests/test_cli/test_red.py": "def test_red(): assert False",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b", {"a <= b"}),
        ("a + b * c", {"a - b * c", "a + b / c"}),
        ("a and not b", {"a or not b", "a and b"}),
        ("x = 'a' if y == 'b' else 'c'", {"x = 'a' if y != 'b' else 'c'", "x = 'a' if y == 'b_' else 'c'"}),
        ("x['a']", {"x['a_']"}),
        ("x.quantile(0.2)", {"pass", "x.quantile(0.8)"}),
        ("y = x.mean(1)", {"y = x.median(1)", "y = x.mean(2)"}),
        ("self.x = max(a)", {"pass", "self.x = min(a)"}),
        ("n += k", {"pass", "n -= k"}),
        ("def f(x, seen='remove', *, k=True): pass", {
            "def f(x, seen='remove_', *, k=True):",
            "def f(x, seen='remove', *, k=False):",
        }),
        ("if ready: go", {"if not ready:"}),
        ("def f(): return x", {"return None"}),
        ("class A:\n  split: str = 'last'", {"split: str = 'last_'"}),
        ("match x:\n  case 'a': pass", {"case 'a_':"}),
    ],
)  # fmt: skip
def test_each_kind_of_bug_is_planted(text: str, expected: set[str]) -> None:
    count = len(list(changes.sites(changes.ast.parse(text))))
    assert {changes.planted(text, number)[1].partition(" -> ")[2] for number in range(count)} == expected


@pytest.mark.parametrize(
    "text",
    [
        '"""Text."""',
        "def f(x: Literal['a', 1]) -> Literal[2]: ...",
        "raise ValueError('too few' + str(2))",
        "x = f'{a + 1} of {b}'",
        "HELP = 'one' + 'two'",
        "Event = Begun | Ended",
        "@cache(3)\ndef f(): ...",
        "if TYPE_CHECKING: ...",
    ],
)
def test_none_is_planted_in_texts_and_types(text: str) -> None:
    assert [site for site in changes.sites(changes.ast.parse(text)) if site.field != "test"] == []


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def run(root: Path, *arguments: str) -> str:
    command = [
        sys.executable,
        str(BENCHMARKS / "mutants.py"),
        "--root",
        str(root),
        "--once",
        "pytest hypothesis",
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_is_drawn_depends_on_the_seed_and_takes_of_every_room_and_file(root: Path) -> None:
    arguments = ["--list", "--rooms", "metrics,runs", "--mutants", "8"]
    first, again, other = (run(root, *arguments, "--seed", seed).splitlines() for seed in "001")
    assert first == again != other
    for drawn in (first, other):
        files = [line.partition(":")[0] for line in drawn]
        assert sorted(files) == ["metrics/add.py"] * 4 + ["runs/one.py"] * 2 + ["runs/two.py"] * 2


def test_bugs_are_found_in_children_and_in_rooms_further_on_and_the_rest_is_listed(root: Path) -> None:
    out = run(root, "--rooms", "metrics", "--mutants", "99", "--jobs", "1")
    assert "left out, it fails without any change: tests/test_cli/test_red.py" in out
    said = {change: by for by, change in re.findall(r"^(killed by \w+|SURVIVED) +metrics/add\.py:(.*)$", out, re.M)}
    assert said == {
        "2: def add(a: int=0, b: int=0) -> int: -> def add(a: int=1, b: int=0) -> int:": "killed by metrics",
        "2: def add(a: int=0, b: int=0) -> int: -> def add(a: int=0, b: int=1) -> int:": "killed by metrics",
        "4: return a + b -> return a - b": "killed by metrics",
        "4: return a + b -> return None": "killed by metrics",
        "6: return x < 5 -> return x <= 5": "SURVIVED",
        "6: return x < 5 -> return x < 6": "SURVIVED",
        "6: return x < 5 -> return None": "SURVIVED",
        "8: if x['key'] > 2: -> if x['key_'] > 2:": "killed by cli",
        "8: if x['key'] > 2: -> if x['key'] >= 2:": "killed by cli",
        "8: if x['key'] > 2: -> if x['key'] > 3:": "SURVIVED",
    }
    assert "| all | 10 | 6 | 4 | 60 |" in out
    assert out.endswith("\n".join(["Survived:", *re.findall(r"^SURVIVED +(.*)$", out, re.M)]) + "\n")
    assert (root / "src/toy/metrics/add.py").read_text("utf-8") == FILES["src/toy/metrics/add.py"]


def test_what_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    code = f"""
import mutants, os, pathlib, subprocess, time
def work():
    child = subprocess.Popen(["sleep", "60"])
    pathlib.Path({str(tmp_path / "child")!r}).write_text(str(child.pid))
    return child.wait()
assert mutants.forked(work, 1) is None
assert mutants.forked(lambda: 7, 60) == 7
child = int(pathlib.Path({str(tmp_path / "child")!r}).read_text())
state = pathlib.Path(f"/proc/{{child}}/stat")
assert not state.exists() or state.read_text().split()[2] == "Z"
"""
    subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, check=True)
