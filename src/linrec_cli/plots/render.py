"""Figures as files: the same results give the same bytes."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from linrec_cli.disk import whole
from linrec_cli.plots.drawn import Drawn

DPI = 160


def rendered(figure: Figure, suffix: str, *, paths: bool = False) -> bytes:
    """Draw a figure as `png`, `svg` or `pdf`.

    Args:
        paths: in SVG, draw letters as shapes, so that they look the same where the font is missing.
    """
    file = BytesIO()
    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with matplotlib.rc_context({"svg.fonttype": "path" if paths else "none", "svg.hashsalt": "linrec"}):
        figure.savefig(file, format=suffix, dpi=DPI, metadata=dated.get(suffix))
    return file.getvalue()


def write(drawn: Drawn, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write a figure in each format, its points as CSV and its caption as text, all with the same stem.

    Raises:
        DataError: one cannot be written.
    """
    content = {suffix: rendered(drawn.figure, suffix) for suffix in formats}
    content |= {"csv": drawn.points.write_csv().encode(), "txt": f"{drawn.caption}\n".encode()}
    paths = []
    for suffix, own in content.items():
        paths.append(folder / f"{drawn.stem}.{suffix}")
        with whole(paths[-1]) as part:
            part.write_bytes(own)
    return paths
