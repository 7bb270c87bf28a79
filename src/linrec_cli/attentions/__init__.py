"""How positions are mixed: a file a mechanism, `Attention(width, heads, causal, maxlen, **options)` of `x [B, T, C]`.

`FORMS` says which of `causal` and `bidirectional` it has. Axes: `B` sequences, `T` positions, `C` channels, `H` heads.
"""

from collections.abc import Callable

MUST = {"FORMS": tuple[str, ...], "Attention": Callable}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
