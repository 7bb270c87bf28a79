"""The picture of the house is what the code imports."""

from pathlib import Path

from passages import rooms
from passages._reference import Reference

TOP = Path(__file__).parents[2]


def house(root: Path) -> Path:
    files = {
        "a/one.py": "import os\n",
        "b/two.py": "def f():\n    from linrec_cli.a import one\n",
        "c/three.py": "from linrec_cli.a.one import x\nimport linrec_cli.b.two\nfrom linrec_cli import alone\n",
        "alone.py": "from linrec_cli.c import three\n",
    }
    for name, text in files.items():
        path = root / "src/linrec_cli" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        (path.parent / "__init__.py").touch()
    return root


def test_arrows_are_imports_in_functions_too_and_lead_to_rooms_alone(tmp_path: Path) -> None:
    found = rooms.imports(house(tmp_path) / "src/linrec_cli")
    assert found == {"a": set(), "b": {"a"}, "c": {"a", "b"}}


def test_what_follows_from_two_arrows_has_none(tmp_path: Path) -> None:
    assert rooms.picture(Reference(house(tmp_path))).splitlines()[2:-1] == ["  b --> a", "  c --> b"]


def test_two_rooms_that_import_each_other_hide_no_arrow_of_each_other() -> None:
    arrows = {"a": set(), "p": {"q", "a"}, "q": {"p", "a"}, "r": {"p", "a"}}
    assert rooms.reduced(arrows) == {"a": set(), "p": {"q", "a"}, "q": {"p", "a"}, "r": {"p"}}


def test_every_room_and_its_files_are_listed(tmp_path: Path) -> None:
    assert rooms.listed(Reference(house(tmp_path))).splitlines()[2:] == [
        "| `a` | `one` |",
        "| `b` | `two` |",
        "| `c` | `three` |",
    ]
    text = rooms.listed(Reference(TOP))
    assert all(f"| `{room}` |" in text for room in ("training", "cli", "figures"))
