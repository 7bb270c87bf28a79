"""What mechanisms find that lies far back: made histories, whose best possible score is known."""

from linrec_cli.datasets import synthetic
from passages._line import Line
from passages._reference import Reference
from passages._words import NONE, code, number, paragraph, table
from passages.quality import lines


def of_made(reference: Reference) -> list[Line]:
    """Find the trainings on made histories; of several the set with most."""
    found: dict[str, list[Line]] = {}
    for line in lines(reference):
        if line.dataset.partition(":")[0] == "synthetic":
            found.setdefault(line.dataset, []).append(line)
    return max(found.values(), key=len, default=[])


def recall(line: Line) -> float:
    """Give Recall@10 of the last event."""
    return line.values("recall", "test", 10)[0]


def scores(reference: Reference) -> str:
    """Make the table of Recall@10, a line a mechanism, the best first, a column a length."""
    found = {(line.mechanism, line.maxlen): line for line in of_made(reference)}
    lengths = sorted({maxlen for _, maxlen in found})
    best = {name: max(recall(line) for (other, _), line in found.items() if other == name) for name, _ in found}
    rows = [
        [code(name), *(number(recall(line), 4) if (line := found.get((name, n))) else NONE for n in lengths)]
        for name in sorted(best, key=lambda name: -best[name])
    ]
    return table(["", *(f"maxlen {n}" for n in lengths)], rows) if rows else ""


def bounds(reference: Reference) -> str:
    """Say what can be reached, and by whom."""
    found = of_made(reference)
    if not found:
        return ""
    spec = found[0].dataset
    known, lag = synthetic.card(spec), synthetic.options(spec).lag
    most = max(line.values("epochs")[0] for line in found)
    best, first, last = (
        number(known[f"{name}_recall_at_10"], 4) for name in ("best", "first_order", f"last_{synthetic.WINDOW}")
    )
    return paragraph(
        f"{code(spec)}, Recall@10, one seed, {most:.0f} epochs. What comes next hangs on one event, {lag} events back, "
        f"and on chance: the best that anybody can reach is {best}; who sees the last event alone can reach {first}, "
        f"who sees the last {synthetic.WINDOW} {last}."
    )


def picture(reference: Reference) -> str:
    """Show the figure over lengths, on a page of `docs/`."""
    found = of_made(reference)
    path = reference.figure("train-{}-length.png", found[0].rows[0]) if found else ""
    return f"![Quality, time and memory over lengths on made histories](../{path})" if path else ""
