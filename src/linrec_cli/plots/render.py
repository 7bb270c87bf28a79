"""Figures as files: the same results give the same bytes."""

from io import BytesIO

import matplotlib
from matplotlib.figure import Figure

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
