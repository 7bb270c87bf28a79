"""Take histories in event by event, through any mechanism that keeps a state or a cache of them."""

from typing import Any

from torch import Tensor

from linrec_cli import catalog
from linrec_cli.errors import UsageError


def start(attention: Any, x: Tensor, room: int) -> Any:
    """Make what a causal mechanism keeps of empty histories, `x [B, 0, C]`, with room for so many events each.

    Raises:
        UsageError: it keeps neither a state nor a cache.
    """
    if hasattr(attention, "step"):
        return attention.start(len(x))
    if hasattr(attention, "append"):
        return attention.cache(x, room)
    name = type(attention).__module__.rpartition(".")[2].replace("_", "-")
    raise UsageError(
        f"mechanism '{name}' keeps no state of a history that an event could be added to; those that do: {known()}."
    )


def step(attention: Any, x: Tensor, kept: Any) -> tuple[Tensor, Any]:
    """Take one event `x [B, C]` in; return what the layer gives at that position, `[B, C]`, and what it keeps now."""
    taken: tuple[Tensor, Any] = getattr(attention, "step" if hasattr(attention, "step") else "append")(x, kept)
    return taken


def known() -> str:
    """Name the mechanisms that keep a state or a cache."""
    modules = catalog.sound("attentions").items()
    return ", ".join(name for name, module in modules if {"step", "append"} & set(dir(module.Attention)))
