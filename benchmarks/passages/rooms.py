"""How the rooms of the package hang together, as its imports say."""

import ast
from collections.abc import Iterator
from pathlib import Path

from passages._reference import Reference
from passages._words import code, table

PACKAGE = "linrec_cli"
SHARED = "shared"
"""The modules that stand in no room."""
Arrows = dict[str, set[str]]


def picture(reference: Reference) -> str:
    """Draw which room builds on which; what follows from two arrows has none of its own."""
    arrows = reduced(imports(Path(reference.root, "src", PACKAGE)))
    lines = [f"  {room} --> {other}" for room in sorted(arrows) for other in sorted(arrows[room])]
    return "\n".join(["```mermaid", "graph BT", *lines, "```"]) if lines else ""


def listed(reference: Reference) -> str:
    """List each room with its files."""
    source = Path(reference.root, "src", PACKAGE)
    rows = []
    for room in sorted({path.parent for path in source.glob("*/__init__.py")}):
        names = [path.stem for path in sorted(room.iterdir()) if path.suffix != ".so"]
        shown = [name for name in dict.fromkeys(names) if not name.startswith(("_", "."))]
        rows.append([code(room.name), ", ".join(map(code, shown))])
    return table(["room", "what is in it"], rows)


def imports(source: Path) -> Arrows:
    """Find from which rooms the files of each import, in functions too; what is for types alone counts."""
    found: Arrows = {}
    for path in sorted(source.rglob("*.py")):
        room = path.relative_to(source).parts[0] if path.parent != source else SHARED
        others = found.setdefault(room, set())
        for name in imported(ast.parse(path.read_text("utf-8"))):
            top, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if top == PACKAGE and other and (source / other).is_dir():
                others.add(other)
    return {room: others - {room} for room, others in found.items() if room != SHARED}


def imported(tree: ast.AST) -> Iterator[str]:
    """Give the dotted name of everything that is imported."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{alias.name}" for alias in names)


def reduced(arrows: Arrows) -> Arrows:
    """Leave out the arrows that lead where two others do, but for those by a room that leads back."""
    ways = {room: {way: reached(arrows, way) for way in others} for room, others in arrows.items()}
    return {
        room: {
            other
            for other in others
            if not any(other in found and room not in found for way, found in ways[room].items() if way != other)
        }
        for room, others in arrows.items()
    }


def reached(arrows: Arrows, start: str) -> set[str]:
    """Find what a room builds on, at any remove."""
    found, left = set[str](), [start]
    while left:
        for other in arrows.get(left.pop(), set()) - found:
            found.add(other)
            left.append(other)
    return found
