"""The numbers of a training or an evaluation as they stand in its rows."""

from collections.abc import Sequence

from linrec_cli.analysis.labels import metric_label
from linrec_cli.analysis.reading import Rows, read

WHOLE = 9_999.5
"""From here on a number with four digits that count has none behind its point."""
COLUMNS = ("stage", "metric", "value", "low", "high", "unit")


def lines(rows: Rows) -> list[Sequence[str]]:
    """Write a line a number, under `COLUMNS`, those of ranking last."""
    good = sorted(read(rows).filter(status="ok").to_dicts(), key=lambda row: row["k"] is not None)
    return [
        (row["stage"] or "", metric_label(row), *(short(row[name]) for name in ("value", "low", "high")), row["unit"])
        for row in good
    ]


def short(value: float | None) -> str:
    """Write a number with four digits that count, a whole one in full."""
    if value is None:
        return "–"
    # Beyond four digits the format would write powers of ten.
    return f"{value:,.0f}" if value % 1 == 0 or abs(value) >= WHOLE else f"{value:,.4g}"
