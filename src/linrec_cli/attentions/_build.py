"""Build a mechanism from what the user wrote."""

import inspect

from torch import nn

from linrec_cli import catalog
from linrec_cli.errors import UsageError


def build(spec: str, width: int, heads: int, *, causal: bool, maxlen: int) -> nn.Module:
    """Build the mechanism of `spec` (`name` or `name:option=value`).

    Returns:
        a module that maps `x [B, T, C]` and `lengths [B]` to `[B, T, C]`.

    Raises:
        UsageError: no such mechanism or option, or the mechanism lacks the form that is asked for.
    """
    name, _ = catalog.parse(spec)
    module = catalog.load("attentions", name)
    form = "causal" if causal else "bidirectional"
    if form not in module.FORMS:
        raise UsageError(f"attention '{name}' has no {form} form; choose one that has, or another model.")
    parameters = inspect.signature(module.Attention).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    made: nn.Module = module.Attention(width, heads, causal, maxlen, **catalog.convert(spec, defaults))
    return made
