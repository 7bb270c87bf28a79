"""LinRec as its paper has it: keys normed over the sequence, padding left out, otherwise the released set-up.

Source: Liu et al. 2023 (LinRec, SIGIR), arXiv:2411.01537.
"""

from linrec_cli import catalog

SETTINGS = catalog.load("presets", "linrec-released").SETTINGS | {"attn": "linear"}
