"""What CI asks of a change's cost: from where it left the branch it goes into, and only of what runs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTHON = r"""#!/bin/sh
side=$(echo "$PYTHONPATH" | sed -E "s|.*/([a-z]+)/src$|\1 |")
echo "$side$*" | sed -E "s|$TMPDIR/tmp[^/]*/||g" >> "$ASKED"
case "$*" in
    *compare*/again/*) exit "$AGAIN" ;;
    *compare*/new/*) exit "$NEW" ;;
esac
"""
AS = ("-c", "user.name=n", "-c", "user.email=n@example.org")


def git(room: Path, *words: str) -> None:
    subprocess.run(["git", *AS, *words], cwd=room, check=True, capture_output=True)


def change(room: Path, path: str, name: str) -> None:
    """Commit a change of a file."""
    (room / path).write_text((room / path).read_text("utf-8") + "\n# more\n", "utf-8")
    git(room, "commit", "-qam", name)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose branch `main` went on after `left`, by what would run otherwise."""
    room = tmp_path_factory.mktemp("of") / "clone"
    git(room.parent, "clone", "-q", "--shared", "--sparse", str(ROOT), str(room))
    git(room, "sparse-checkout", "set", "src", "docs", "tests", ".ci")
    # As it stands here, committed or not.
    shutil.copy(ROOT / ".ci/cost", room / ".ci/cost")
    git(room, "commit", "-q", "--allow-empty", "-am", "script")
    git(room, "tag", "left")
    git(room, "checkout", "-q", "-B", "main")
    change(room, "src/linrec_cli/seal.py", "theirs")
    return room


@pytest.fixture
def branch(clone: Path) -> Path:
    """The clone on a branch of its own that left `main` before that."""
    git(clone, "checkout", "-q", "-B", "own", "left")
    return clone


def cost(room: Path, path: Path, again: int = 0, new: int = 0) -> tuple[int, list[str], str]:
    """Run the script with a `python` that tells what it is asked and compares as told: exit code, calls, stderr."""
    (path / "python").write_text(PYTHON)
    (path / "python").chmod(0o755)
    own = {"PATH": f"{path}:{os.environ['PATH']}", "TMPDIR": str(path), "RUNS": "2", "ASKED": str(path / "asked")}
    own |= {"PYTHONPATH": "", "AGAIN": str(again), "NEW": str(new)}
    done = subprocess.run(
        ["bash", ".ci/cost", "main"], cwd=room, env=os.environ | own, capture_output=True, text=True, check=False
    )
    asked = (path / "asked").read_text().splitlines() if (path / "asked").exists() else []
    assert [one for one in path.iterdir() if one.name.startswith("tmp.")] == []
    return done.returncode, asked, done.stdout + done.stderr


def test_what_does_not_run_costs_nothing_whatever_was_added_to_the_other_branch(branch: Path, tmp_path: Path) -> None:
    for path in ("README.md", "docs/ci.md", "tests/test_cost.py"):
        change(branch, path, "ours")
    code, asked, said = cost(branch, tmp_path)
    assert (code, asked) == (0, [])
    assert "nothing is measured" in said


@pytest.mark.parametrize("path", ["src/linrec_cli/seal.py", "constraints.txt"])
def test_what_runs_is_measured_in_turns_with_kernels_of_its_own(branch: Path, tmp_path: Path, path: str) -> None:
    change(branch, path, "ours")
    code, asked, _ = cost(branch, tmp_path)
    assert code == 0
    sides = ["base", "again", "new"]
    assert asked[:3] == [f"{side}/hatch_build.py" for side in sides]
    assert [one.split()[:4] for one in asked[3:9]] == [[side, "-m", "linrec_cli", "profile"] for side in sides * 2]
    assert [one.partition("compare ")[2].removesuffix(" --summary") for one in asked[9:]] == [
        f"base/measured {side}/measured --yardstick {yardstick}"
        for yardstick in ("softmax", "none")
        for side in sides[1:]
    ]
    assert [one.endswith("--summary") for one in asked[9:]] == [False, True] * 2


@pytest.mark.parametrize(
    ("again", "new", "expected", "compared"),
    [(0, 5, 5, 4), (5, 5, 75, 2), (3, 0, 3, 1)],
)
def test_where_the_same_code_differs_from_itself_nothing_is_judged(
    branch: Path, tmp_path: Path, again: int, new: int, expected: int, compared: int
) -> None:
    change(branch, "src/linrec_cli/seal.py", "ours")
    code, asked, said = cost(branch, tmp_path, again, new)
    assert (code, sum("compare" in one for one in asked)) == (expected, compared)
    assert ("nothing is judged" in said) == (again == 5)
