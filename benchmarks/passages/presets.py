"""What presets cost, as `benchmarks/presets.py` extrapolated it."""

from linrec_cli.cli.console import duration
from passages._reference import Reference
from passages._words import blocks, code, paragraph, place, size, table


def costs(reference: Reference) -> str:
    """Make the table of an epoch's cost, and of all epochs that a preset may take."""
    rows = reference.csv("benchmarks/presets")
    if not rows:
        return "Not measured yet: `ML1M=FILE bash benchmarks/reference.sh cpu presets`."
    lines = [
        [code(row["preset"]), code(row["attn"]), f"{row['targets']:,}", f"{row['batches']:,}",
         duration(row["seconds"]), size(row["peak_bytes"]), days(row["seconds"] * row["epochs"], row["epochs"])]
        for row in sorted(rows, key=lambda row: row["seconds"])
    ]  # fmt: skip
    first = rows[0]
    heading = paragraph(
        f"On {place(first)}, {code(first['data'])}, extrapolated from three of each preset's longest batches,"
        f" validation left out ({code(first['command'])}):"
    )
    heads = ["preset", "", "targets an epoch", "batches", "an epoch", "peak", "all its epochs"]
    return blocks(heading, table(heads, lines))


def days(seconds: float, epochs: int) -> str:
    """Write what many epochs come to."""
    whole = f"{seconds / 86_400:,.1f} days" if seconds >= 2 * 86_400 else f"{seconds / 3600:,.1f} hours"
    return f"{whole} ({epochs})"
