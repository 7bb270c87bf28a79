"""Build a mechanism from what the user wrote."""

from torch import nn

from linrec_cli import catalog
from linrec_cli.errors import UsageError


def build(spec: str, width: int, heads: int, *, causal: bool, maxlen: int) -> nn.Module:
    """Build the mechanism of `spec` (`name` or `name:option=value`).

    Returns:
        a module that maps `x [B, T, C]` and `lengths [B]` to `[B, T, C]`.

    Raises:
        UsageError: no such mechanism or option, or the mechanism lacks the form that is asked for.
        FaultError: it raised something else.
    """
    name, _ = catalog.parse(spec)
    form = "causal" if causal else "bidirectional"
    if form not in catalog.load("attentions", name).FORMS:
        raise UsageError(f"attention '{name}' has no {form} form; choose one that has, or another model.")
    bound = catalog.bound("attentions", spec, "Attention")
    with catalog.blamed("attentions", name, "cannot be built"):
        made: nn.Module = bound(width, heads, causal, maxlen)
    return made
