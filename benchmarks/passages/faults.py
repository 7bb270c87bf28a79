"""What runs, files and commands survive: the scripts of `benchmarks/faults/`."""

import re

from passages._reference import Reference, Row
from passages._words import NONE, blocks, code, listed, paragraph, place, table

KILLED = ("unreadable", "differs", "leftovers", "orphans", "failed")
FLIPPED = {"noticed": "named", "mended": "made anew", "unseen": "same figures", "wrong": "other figures"}
"""Columns of `bits.py`, and what they are called; a traceback and an end of the process stand together."""
MET = {"had": "the file, from that server", "next": "an error, or the file from the next", "wrong": "anything else"}
"""Outcomes of `network.py`, and what they are called."""
FED = {"inputs": "inputs", "refused": "refused", "read": "read", "uncaught": "uncaught", "hangs": "hangs",
       "ended": "ended", "over": "over"}  # fmt: skip
"""Columns of `fuzz.py`, and what they are called."""
REFUSED = {
    "well": "ended well",
    "named": "named",
    "traceback": "traceback",
    "differs": "differs",
    "leftovers": "leftovers",
}
"""Columns of `disk.py`, and what they are called."""

OWN = re.compile(r" --(reader|folders|on) .*?(?= --|$)")
"""Options of which each row may have had its own."""
RACED = ("stuck", "failed", "lost", "leftovers", "again")
TRIED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "signals": ("lines at which a training was stopped", "lines", ("differs", "unheard", "late")),
    "kills": ("SIGKILLs at random moments", "kills", KILLED),
    "races": ("processes at once, eight a round", "processes", RACED),
    "races-network": ("the same from two mounts of a network file system", "processes", RACED),
    "disk": ("full disks, rights taken, files taken away", "trials", ("traceback", "differs", "leftovers")),
    "bits": ("flipped bits", "flips", ("wrong", "traceback", "ended")),
    "network": ("faults of a server", "", ("wrong",)),
    "fuzz": ("altered inputs", "inputs", ("uncaught", "hangs", "ended", "over")),
}
"""What was tried, by the file that keeps it: what it is called, the column that counts it, those of what went wrong."""


def all(reference: Reference) -> str:
    """Make the table of how much was tried in all, and how often it did not go as it should."""
    lines = []
    for name, (what, counted, bad) in TRIED.items():
        rows = reference.csv(f"benchmarks/faults-{name}")
        tried = sum(int(row[counted]) if counted else 1 for row in rows)
        wrong = sum(row["outcome"] == "wrong" if name == "network" else sum(row[one] for one in bad) for row in rows)
        lines += [[what, f"{tried:,}", f"{wrong:,}"]] if rows else []
    return table(["what was tried", "how often", "went wrong"], lines)


def heading(rows: list[Row]) -> str:
    """Say on what rows were made, and by which commands, without what stands in the rows."""
    made = dict.fromkeys(code(OWN.sub("", row["command"])) for row in rows)
    return paragraph(f"On {place(rows[0])} ({listed(made)}):") if rows else ""


def races(reference: Reference) -> str:
    """Make the table of commands that were started many times at once."""
    rows = [*reference.csv("benchmarks/faults-races"), *reference.csv("benchmarks/faults-races-network")]
    lines = [
        [code(row["raced"]), row["on"] or "a disk", *(str(row[name]) for name in ("processes", *RACED))] for row in rows
    ]
    return blocks(heading(rows), table(["command", "on", "processes", *RACED], lines))


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
    return blocks(heading(rows), table(["command", "kills", *KILLED], lines))


def bits(reference: Reference) -> str:
    """Make the table of files in which a bit was flipped."""
    rows = reference.csv("benchmarks/faults-bits")
    lines = []
    for row in rows:
        broken = str(row["traceback"] + row["ended"])
        lines.append([code(row["file"]), *(str(row[name]) for name in ("flips", *FLIPPED)), broken])
    heading = paragraph(f"{code(rows[0]['command'])}:") if rows else ""
    return blocks(heading, table(["file", "flips", *FLIPPED.values(), "traceback"], lines))


def network(reference: Reference) -> str:
    """Make the table of what a server did wrong, and what came of it."""
    rows = reference.csv("benchmarks/faults-network")
    lines = []
    for outcome, called in MET.items():
        met = [row for row in rows if row["outcome"] == outcome]
        slowest = f"{max((slower(row) for row in met), default=0):.0f} s"
        lines.append([called, str(len(met)), slowest, "; ".join(row["fault"] for row in met) or NONE])
    return blocks(heading(rows), table(["what comes", "faults", "slowest", "which"], lines)) if rows else ""


def slower(row: Row) -> float:
    """Give the longer of the times of a fault: alone, and with a second address."""
    return max(row["seconds"], row["seconds_next"])


def fuzz(reference: Reference) -> str:
    """Make the table of readers that were given altered inputs."""
    rows = reference.csv("benchmarks/faults-fuzz")
    lines = [[row["reader"], *(f"{row[name]:,}" for name in FED), f"{row['mib']:.0f}"] for row in rows]
    return blocks(heading(rows), table(["reader", *FED.values(), "most MiB"], lines))


def disk(reference: Reference) -> str:
    """Make the table of commands that were not let write, or whose files were taken away."""
    rows = reference.csv("benchmarks/faults-disk")
    lines = [[code(row["refused"]), row["fault"], *(str(row[name]) for name in ("trials", *REFUSED))] for row in rows]
    made = dict.fromkeys(code(row["command"]) for row in rows)
    heading = paragraph(f"{listed(made)}:") if rows else ""
    return blocks(heading, table(["command", "fault", "trials", *REFUSED.values()], lines))
