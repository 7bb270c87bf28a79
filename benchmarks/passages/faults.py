"""What runs, files and commands survive: the scripts of `benchmarks/faults/`."""

from passages._reference import Reference, Row
from passages._words import blocks, code, listed, paragraph, place, table

KILLED = ("unreadable", "differs", "leftovers", "orphans", "failed")
FLIPPED = {"noticed": "named", "mended": "made anew", "unseen": "same figures", "wrong": "other figures"}
"""Columns of `bits.py`, and what they are called; a traceback and an end of the process stand together."""
REFUSED = {
    "well": "ended well",
    "named": "named",
    "traceback": "traceback",
    "differs": "differs",
    "leftovers": "leftovers",
}
"""Columns of `disk.py`, and what they are called."""


def signals(reference: Reference) -> str:
    """Say what stopping a training at each of its lines did."""
    return blocks(*(paragraph(stopped(row)) for row in reference.csv("benchmarks/faults-signals")))


def stopped(row: Row) -> str:
    """Say it of one signal."""
    return (
        f"{row['signal']} at {row['lines']:,} lines of {' and '.join(map(code, row['files'].split(',')))}:"
        f" {row['differs']} runs differ afterwards, {row['unheard']} did not stop and {row['late']} took more than"
        f" {row['allowed']:g} s to; the slowest took {row['slowest']:.1f} s, on {place(row)} ({code(row['command'])})."
    )


def kills(reference: Reference) -> str:
    """Make the table of commands that were killed at random moments."""
    rows = reference.csv("benchmarks/faults-kills")
    lines = [[code(row["killed"]), *(str(row[name]) for name in ("kills", *KILLED))] for row in rows]
    heading = paragraph(f"On {place(rows[0])} ({code(rows[0]['command'])}):") if rows else ""
    return blocks(heading, table(["command", "kills", *KILLED], lines))


def bits(reference: Reference) -> str:
    """Make the table of files in which a bit was flipped."""
    rows = reference.csv("benchmarks/faults-bits")
    lines = []
    for row in rows:
        broken = str(row["traceback"] + row["ended"])
        lines.append([code(row["file"]), *(str(row[name]) for name in ("flips", *FLIPPED)), broken])
    heading = paragraph(f"{code(rows[0]['command'])}:") if rows else ""
    return blocks(heading, table(["file", "flips", *FLIPPED.values(), "traceback"], lines))


def disk(reference: Reference) -> str:
    """Make the table of commands that were not let write, or whose files were taken away."""
    rows = reference.csv("benchmarks/faults-disk")
    lines = [[code(row["refused"]), row["fault"], *(str(row[name]) for name in ("trials", *REFUSED))] for row in rows]
    made = dict.fromkeys(code(row["command"]) for row in rows)
    heading = paragraph(f"{listed(made)}:") if rows else ""
    return blocks(heading, table(["command", "fault", "trials", *REFUSED.values()], lines))
