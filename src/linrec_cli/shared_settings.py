"""What settings of several kinds share: names, limits, and how an option is told of."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from linrec_cli.errors import UsageError

AUTO = "auto"
Same = dict[str, Any]
ATTN: Same = {"folder": "attentions", "attribute": "Attention", "axis": True, "told": True}
BUILT: Same = {"folder": "models", "attribute": "Model", "axis": True}
DEVICE: Same = {"help": "auto, cpu, cuda or mps.", "asked": AUTO, "told": True}
DTYPES = ("float32", "bfloat16")
DTYPE: Same = {
    "help": "float32, bfloat16, or auto: bfloat16 on a CUDA GPU that computes in it, float32 elsewhere.",
    "choices": DTYPES, "asked": AUTO, "told": True,
}  # fmt: skip
LENGTH: Same = {"low": 1, "high": 2**20, "axis": True, "told": True}
SEED: Same = {"low": 0, "high": 2**63 - 1}
SPECS = "as a,b or a:option=value"
SEEN: Same = {
    "help": "remove or rank the items of the history; auto: rank them where golds repeat.",
    "neutral": "remove", "choices": (AUTO, "remove", "rank"),
}  # fmt: skip
THREADS: Same = {"help": "CPU threads.", "low": 1, "high": 1024, "asked": 0, "shown": "physical cores", "told": True}


def split_evenly(widths: Sequence[int], heads: Sequence[int]) -> None:
    """Check that every width splits into every number of heads.

    Raises:
        UsageError: one does not.
    """
    for width, count in product(widths, heads):
        if width % count:
            raise UsageError(f"--width {width} does not split into --heads {count}; choose a multiple.")
