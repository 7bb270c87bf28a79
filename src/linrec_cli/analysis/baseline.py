"""What mechanisms are compared with, wherever they are: softmax, if it is there."""

from collections.abc import Sequence

NAME = "softmax"
"""Of the baseline: its time is the unit of a comparison, and it stands first in a sweep over all mechanisms."""


def baselines(names: Sequence[str]) -> list[str]:
    """Choose what others are compared with: softmax, then its other forms; where there is none, the first name."""
    forms = [name for name in names if name.partition(":")[0] == NAME or name.startswith(f"{NAME}-")]
    return sorted(forms, key=lambda name: name != NAME) or list(names[:1])
