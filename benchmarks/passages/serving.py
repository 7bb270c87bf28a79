"""What one new event of each user costs."""

from passages._profile import Profile, find, footnote
from passages._reference import Reference
from passages._words import NONE, milliseconds, number, paragraph, place, size, table

LENGTHS, BATCH = (128, 1024, 8192), 8
CACHE, STATE = ("softmax", "cache"), ("linear", "recurrence")
WAYS = {"softmax, cache": CACHE, "linear, state": STATE, "softmax, whole history again": ("softmax", "recomputation")}


def profile(reference: Reference) -> Profile:
    """Find the profile of serving."""
    return find(reference, "serve", LENGTHS, batch=BATCH)


def made(reference: Reference) -> str:
    """Say what was measured, and on what."""
    found = profile(reference)
    what = f"One new event for each of {BATCH} users, the layer alone"
    return paragraph(f"{what}, on {place(found.first)}:" if found else f"{what}: not measured yet.")


def costs(reference: Reference) -> str:
    """Make the table: time of each way to serve, and what is kept for a user."""
    found, lines = profile(reference), []
    for maxlen in LENGTHS if found else ():
        taken = [
            milliseconds(seconds) + found.contended(name, maxlen, way) if seconds else NONE
            for name, way in WAYS.values()
            for seconds in [found.seconds(name, maxlen, way)]
        ]
        kept = [found.cost(name, "state_bytes", maxlen, way) for name, way in (CACHE, STATE)]
        lines.append([f"{maxlen:,}", *taken, *(size(x) if x else NONE for x in kept)])
    return footnote(table(["events so far", *WAYS, "kept for a user, softmax", "linear"], lines))


def growth(reference: Reference) -> str:
    """Say how the cost of an event grows, and from where on a state is the faster way."""
    found, said = profile(reference), []
    for title, (name, way) in {"a cache": CACHE, "a state": STATE}.items():
        row = found.row(name, "time_slope", stage=way)
        if row:
            said.append(f"{number(row['value'])} from {title} ({row['note'].partition(';')[0]} events)")
    slopes = f"The cost of an event grows with the length to the power of {' and of '.join(said)}." if said else ""
    row = found.row("linear", "crossover", stage="softmax")
    crossing = f"The state is the faster one from {row['value']:,.0f} events on." if row and row["value"] else ""
    return paragraph(slopes, crossing)
