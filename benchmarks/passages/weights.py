"""What mechanisms' weights are like, and what LinRec's norms do to them: the numbers of `benchmarks/claims.py`."""

from collections.abc import Sequence

from passages._reference import Reference, Row
from passages._words import NONE, blocks, code, listed, number, paragraph, table

MOMENTS = ("row size", "growth", "negative", "positions", "top 10", "effective rank")
UNTRAINED = "normal, scale 1"


def properties(reference: Reference) -> str:
    """Make the table of what is kept of dot-product attention, a mechanism and form a line."""
    heads = ["linear in values", "rank", "negative", "row sum", "query ×10", "sharpest", "chosen", "loud"]
    rows = [[code(r["mechanism"]), r["form"], *kept(r)] for r in reference.csv("claims/properties")]
    return table(["", "form", *heads], rows)


def kept(row: Row) -> list[str]:
    """Write the properties of one mechanism; where the output is no weighted sum there are no weights to speak of."""
    if not row["linear"]:
        return ["no", *[NONE] * 7]
    return [
        "yes",
        f"{row['rank_half']} to {row['rank']}",
        number(row["negative"]),
        f"{number(row['row_sum'])} ± {number(row['row_sum_spread'])}",
        number(row["query_scale"]),
        number(row["sharpest"]),
        f"{number(row['chosen'])} (≤ {number(row['chosen_bound'])})",
        number(row["loud"]),
    ]


def cost(reference: Reference) -> str:
    """Make the table of counted work."""
    heads = ["stated", "found: T, D", "operations", "÷ softmax, 256", "÷ softmax, 2,048", "fewer from", "kept"]
    rows = []
    for r in reference.csv("claims/cost"):
        found = f"{number(r['in_length'])}, {number(r['in_size'])}"
        fewer = f"{int(r['fewer_from']):,}" if r["fewer_from"] else "never"
        ratios = [number(r["ratio_short"]), number(r["ratio_long"])]
        first = [code(r["mechanism"]), r["form"], code(r["stated"]), found, f"{r['operations']:,.0f}"]
        rows.append([*first, *ratios, fewer, number(r["kept"])])
    return table(["", "form", *heads], rows)


def drawn(reference: Reference) -> str:
    """Make the table of weights under random queries and keys."""
    return moments(reference.csv("claims/drawn"))


def trained(reference: Reference) -> str:
    """Make the table of weights in trained layers, and say what training did."""
    rows = reference.csv("claims/trained")
    if not rows:
        return "Not measured yet: `python benchmarks/claims.py --run RUN --out results/reference/cpu/claims`."
    return blocks(moments(rows), learned(rows, reference.csv("claims/drawn")))


def moments(rows: Sequence[Row]) -> str:
    """Make a table of moments."""
    lines = [
        [
            r["queries"],
            r["weights"],
            f"{number(r['row sum'])} ± {number(r['spread'])}",
            *(number(r[n]) for n in MOMENTS),
        ]
        for r in rows
    ]
    return table(["queries and keys", "weights", "row sum", *MOMENTS[:-1], "rank"], lines)


def learned(rows: Sequence[Row], drawn: Sequence[Row]) -> str:
    """Say what training did to the share of negative weights, and to the ten largest."""
    said = []
    for mechanism, stage in (("linear", "LinRec, both"), ("softmax", "softmax")):
        mine = [r for r in rows if (r["mechanism"], r["weights"]) == (mechanism, "as trained")]
        random = [r for r in drawn if (r["queries"], r["weights"]) == (UNTRAINED, stage)]
        for column, title in (("negative", "weights below zero"), ("top 10", "weight on the ten largest")):
            if mine and random and random[0][column]:
                layers, before = listed(number(r[column]) for r in mine), number(random[0][column])
                said.append(f"{title}, {code(mechanism)}: {layers}, and {before} under random numbers")
    return paragraph(f"Shares, layer by layer: {'; '.join(said)}." if said else "")
