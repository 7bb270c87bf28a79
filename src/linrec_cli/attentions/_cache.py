"""A history as its keys and values: what a mechanism without a state keeps to answer the next event."""

from collections.abc import Callable

from torch import Tensor

from linrec_cli.attentions._heads import Heads

Cache = tuple[Tensor, Tensor, int]
"""Keys and values, each `[B, H, R, D]` with room for R events, and how many events of each history they hold."""


class Cached(Heads):
    """A mechanism of which each query meets every key: its causal form keeps them all, as served Transformers do.

    It writes `newest(q [B, H, 1, D], k, v [B, H, T, D], ...)`, the output at the last of T positions, where `...` is
    what `split` returns beyond queries, keys and values. An event costs `O(T D)` a head, and so does keeping it.
    """

    newest: Callable[..., Tensor]

    def cache(self, x: Tensor, room: int) -> Cache:
        """Keep histories `x [B, T, C]`, `T` being 0 at the start, in memory for `room` events each."""
        _, k, v, *_ = self.split(x)
        keys, values = (part.new_zeros(*part.shape[:2], room, part.shape[3]) for part in (k, v))
        keys[:, :, : x.shape[1]], values[:, :, : x.shape[1]] = k, v
        return keys, values, x.shape[1]

    def append(self, x: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Take one event `x [B, C]` into the cache, in place; return what `forward` gives at that position, `[B, C]`.

        Raises:
            IndexError: there is no room left.
        """
        q, k, v, *rest = self.split(x[:, None])
        keys, values, count = cache
        keys[:, :, count], values[:, :, count] = k[:, :, 0], v[:, :, 0]
        count += 1
        mixed = self.newest(q, keys[:, :, :count], values[:, :, :count], *rest)
        return self.join(mixed, x[:, None])[:, 0], (keys, values, count)
