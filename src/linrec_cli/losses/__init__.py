"""How wrong a prediction is: a file a loss.

A loss is `loss(hidden [N, C], table [I + 1, C], gold [N], draw, **options)`, the mean over predictions as a scalar;
scores are products of hidden and table, row 0 of the table is padding and takes no part, golds are `1..I`. `draw`
draws negatives, by torch's own generator: training seeds it for every batch. Where it says which rows predict at all,
the others have gold 0 and take no part: `_mean.py` leaves them out.
"""

from collections.abc import Callable

MUST = {"loss": Callable}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
