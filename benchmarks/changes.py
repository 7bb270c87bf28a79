"""What a small bug in a file of Python may be: every place where one fits, and the text with one in it."""

import ast
import builtins
from collections.abc import Iterator
from typing import Any, NamedTuple

OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
PAIRS = ["mean median", "min max", "amin amax", "argmin argmax", "any all", "first last", "head tail", "floor ceil"]
NAMES = {a: b for pair in PAIRS for a, b in (pair.split(), pair.split()[::-1])}
AROUND = 70
"""How many characters before and after a change are shown."""


class Site(NamedTuple):
    """A change: `field` of `parent`, or its entry `at`, becomes `new`; `line` is where it stands."""

    line: int
    parent: ast.AST
    field: str
    at: int | None
    new: Any


def changes(parent: ast.AST, field: str, child: Any) -> Iterator[Any]:
    """Give what may stand in place of `child`."""
    match child:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=float(value)):
            yield ast.Constant(round(1 - value, 9) if 0 < value < 1 and value != 0.5 else 2 * value or 1.0)
        case ast.Constant(value=str(value)) if is_key(parent, field):
            yield ast.Constant(value + "_")
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Expr(value=ast.Call()) | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.AugAssign(value=value) if not is_text(value):
            yield ast.Pass()
        case str(name) if name in NAMES and (isinstance(parent, ast.Attribute) or name in dir(builtins)):
            yield NAMES[name]
        case ast.AST() if type(child) in OTHER and not (isinstance(parent, ast.BinOp) and joins(parent)):
            yield OTHER[type(child)]()
    if field in {"test", "ifs"} and not isinstance(child, ast.Compare | ast.UnaryOp):
        yield ast.UnaryOp(ast.Not(), child)
    if isinstance(parent, ast.Return) and child is not None and not isinstance(child, ast.Constant):
        yield ast.Constant(None)


def is_key(parent: ast.AST, field: str) -> bool:
    """Tell whether a string is compared with, looked up by or a default, and no text for people."""
    match parent:
        case ast.Compare() | ast.Subscript() | ast.MatchValue() | ast.arguments() | ast.AnnAssign():
            return True
        case ast.Call(func=ast.Attribute(attr="get")):
            return True
    return isinstance(parent, ast.Dict) and field == "keys"


def joins(node: ast.BinOp) -> bool:
    """Tell whether texts, lists or types are added: with another sign that is only an error."""
    sides = (node.left, node.right)
    types = any(isinstance(side, ast.Name) and side.id.istitle() for side in sides)
    return types or any(is_text(side) or isinstance(side, ast.List | ast.Tuple | ast.ListComp) for side in sides)


def is_text(node: ast.AST) -> bool:
    """Tell whether a text is written out."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def sites(node: ast.AST, line: int = 1) -> Iterator[Site]:
    """Give every change below `node`: none in annotations, decorators, messages and what is for types alone."""
    if isinstance(node, ast.Raise | ast.JoinedStr) or (isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"):
        return
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "decorator_list"}:
            continue
        many = isinstance(value, list)
        for index, child in enumerate(value if many else [value]):
            place = getattr(child, "lineno", line)
            yield from (Site(place, node, field, index if many else None, new) for new in changes(node, field, child))
            if isinstance(child, ast.AST):
                yield from sites(child, place)


def planted(text: str, number: int) -> tuple[str, str]:
    """Make change number `number` of a text, and say what it is: `line: before -> after`."""
    tree = ast.parse(text)
    before = ast.unparse(tree).splitlines()
    site = list(sites(tree))[number]
    if site.at is None:
        setattr(site.parent, site.field, site.new)
    else:
        getattr(site.parent, site.field)[site.at] = site.new
    after = ast.unparse(ast.fix_missing_locations(tree))
    pairs = ((a.strip(), b.strip()) for a, b in zip(before, after.splitlines(), strict=False) if a != b)
    return after, f"{site.line}: " + around(*next(pairs, ("nothing", "")))


def around(before: str, after: str) -> str:
    """Say `before -> after`, and of long lines only what stands around the change."""
    pairs = enumerate(zip(before, after, strict=False))
    same = next((place for place, (a, b) in pairs if a != b), min(len(before), len(after)))
    start = same - AROUND if same > AROUND else 0
    return " -> ".join("… " * (start > 0) + line[start : same + AROUND] for line in (before, after))
