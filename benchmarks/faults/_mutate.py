"""What is read, altered at random: bytes, lines and numbers of a text, headers of tensors, cells of a table."""

import io
import json
import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from linrec_cli import seal

EDITS = (1, 1, 1, 2, 3, 5, 8)
NUMBERS = (
    b"0", b"-1", b"-0", b"1.0", b"00", b"1e5", b"1e400", b"-1e-400", b"nan", b"inf", b"-inf", b"2147483648",
    b"4294967296", b"9007199254740993", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809",
    b"18446744073709551616", b"170141183460469231731687303715884105728", b"9" * 40, b"0x1f", b"1_000", b"",
)  # fmt: skip
SIGNS = (
    b"\0", b"\n", b"\r", b"\r\n", b"\t", b'"', b'""', b"'", b",", b";", b"|", b"::", b" ", b"\x1f", b"\x1b[31m",
    b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\x8b", b"\xc2\x85", b"\xe2\x80\xa8", b"[", b"]",
    b"{", b"}",
    b"[[", b"{}", b"[]", b"=", b":", b"#", b"\\", b"\\n", b"null", b"true", b"None", b"$", b"_", b"a" * 300,
    "\N{COMBINING ACUTE ACCENT}".encode(), "\N{GRINNING FACE}".encode(), "\N{RIGHT-TO-LEFT OVERRIDE}".encode(),
)  # fmt: skip
ODD: dict[str, tuple[Any, ...]] = {
    "text": ("", " ", "a|b", "[red]x[/]", "\x1b[31m", "x\ny", "x" * 5000, "softmax:a=1", "ndcg", "$x_1", "0", "cost"),
    "whole": (0, -1, 1, 2**31 - 1, -(2**31)),
    "number": (0.0, -1.0, 1e308, -1e308, 5e-324, float("inf"), float("-inf"), float("nan")),
    "time": (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
}
KINDS = (pl.String, pl.Float64, pl.Int64, pl.Boolean, pl.Int128, pl.Binary, pl.Categorical)


def text(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Alter one of some texts, or any bytes, in a few places."""
    content = bytearray(chance.choice(seeds))
    for _ in range(chance.choice(EDITS)):
        edit(chance, content, seeds)
    return bytes(content)


def edit(chance: random.Random, content: bytearray, seeds: Sequence[bytes]) -> None:
    """Alter one place."""
    here = chance.randrange(len(content) + 1)
    there = min(len(content), here + chance.choice((0, 1, 1, 2, 4, 16, 64)))
    match chance.randrange(9):
        case 0 if here < len(content):
            content[here] ^= 1 << chance.randrange(8)
        case 1:
            content[here:there] = chance.choice(SIGNS)
        case 2:
            content[here:here] = chance.choice(SIGNS) * chance.choice((1, 1, 1, 2, 100))
        case 3:
            del content[here:there]
        case 4:
            content[there:there] = content[here:there] * chance.choice((1, 1, 2, 50))
        case 5:
            del content[here:]
        case 6:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) + 1)
            content[here:there] = other[start : start + chance.choice((1, 8, 40, 400))]
        case 7 if found := list(re.finditer(rb"\d+", content)):
            one = chance.choice(found)
            content[slice(*one.span())] = chance.choice(NUMBERS)
        case _:
            lines = content.split(b"\n")
            lines.insert(chance.randrange(len(lines)), chance.choice(lines))
            content[:] = b"\n".join(lines)


def resealed(content: bytes) -> bytes:
    """Put the right digest into what holds one, or the rest of one."""
    place, _, digits = seal._read(io.BytesIO(content))
    return content if place < 0 else content[:place] + digits + content[place + len(digits) :]


def sealed(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Alter a file, and seal it anew, so that it is parsed."""
    return resealed(text(chance, seeds))


def tensors(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Alter the header of a file of tensors, what it says of itself, or the tensors; its length fits again."""
    whole = chance.choice(seeds)
    long = int.from_bytes(whole[:8], "little")
    header, rest = whole[8 : 8 + long], whole[8 + long :]
    match chance.randrange(4):
        case 0:
            return resealed(text(chance, [whole]))
        case 1:
            header = text(chance, [header])
        case 2:
            told = json.loads(header)
            counters = told["__metadata__"].get("counters", "{}").encode()
            told["__metadata__"]["counters"] = text(chance, [counters]).decode("utf-8", "replace")
            header = json.dumps(told).encode()
        case _:
            told = json.loads(header)
            name, other = chance.choice(list(told)), chance.choice(list(told))
            told[chance.choice((name, other, f"{name}.x"))] = told.pop(name)
            if isinstance(told.get(other), dict) and "shape" in told[other]:
                told[other]["shape"] = chance.choice(([], [1], [0], [2**40], told[other]["shape"][::-1]))
                told[other]["dtype"] = chance.choice(("F32", "F64", "I64", "BF16", "U8", "BOOL", "F8_E4M3"))
            header = json.dumps(told).encode()
    return resealed(len(header).to_bytes(8, "little") + header + rest)


def table(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Alter columns and cells of a table, or the bytes of its file."""
    whole = chance.choice(seeds)
    if chance.random() < 0.3:
        return resealed(text(chance, [whole]))
    frame = pl.read_parquet(io.BytesIO(whole))
    for _ in range(chance.choice(EDITS)):
        if not frame.width:
            break
        frame = altered(chance, frame)
    out = io.BytesIO()
    frame.write_parquet(out, metadata={"seal": seal.BLANK})
    return resealed(out.getvalue())


def altered(chance: random.Random, frame: pl.DataFrame) -> pl.DataFrame:
    """Alter one column, or the rows, of a table."""
    name = chance.choice(frame.columns)
    match chance.randrange(8):
        case 0:
            return frame.drop(name)
        case 1:
            return frame.with_columns(pl.lit(None, frame.schema[name]).alias(name))
        case 2:
            return frame.with_columns(pl.col(name).alias(chance.choice(("item", "x", "", *frame.columns))))
        case 3:
            try:
                return frame.with_columns(pl.col(name).cast(chance.choice(KINDS), strict=False))
            except pl.exceptions.PolarsError:
                return frame
        case 4:
            return frame.head(chance.randrange(3))
        case 5:
            return pl.concat([frame, frame.reverse()])
        case _:
            return celled(chance, frame, name)


def celled(chance: random.Random, frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Put something odd, or nothing, into some cells of a column."""
    kind = frame.schema[name]
    group = {pl.String: "text", pl.Float64: "number", pl.Float32: "number"}.get(kind.base_type(), "")
    group = group or ("whole" if kind.is_integer() else "time" if kind.is_temporal() else "")
    value = chance.choice((None, *ODD.get(group, ())))
    some = pl.Series([chance.random() < 0.5 for _ in range(frame.height)], dtype=pl.Boolean)
    put = pl.lit(value).cast(kind, strict=False)
    return frame.with_columns(pl.when(some).then(put).otherwise(pl.col(name)).alias(name))


def grown(chance: random.Random, seeds: Sequence[bytes], size: int) -> bytes:
    """Repeat the lines of a text to about a size, and alter it."""
    seed = chance.choice(seeds)
    first, _, rest = seed.partition(b"\n")
    body = rest or first
    return text(chance, [first + b"\n" + (body.rstrip(b"\n") + b"\n") * max(1, size // max(1, len(body)))])
