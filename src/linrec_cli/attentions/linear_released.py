"""LinRec as its authors released it: keys normed over features, not over the sequence, and no mask."""

import math

import torch
from torch import Tensor
from torch.nn.functional import elu

from linrec_cli.attentions._heads import Heads
from linrec_cli.errors import UsageError

FORMS = ("bidirectional",)
PADS = ("excluded", "included")


class Attention(Heads):
    """Mix values by `rho(elu(Q)) (rho(elu(K))^T V) / sqrt(D)`, as the code released with LinRec does.

    `rho` divides each token by its L2 norm over features, keys as well as queries; the paper (`linear`) norms keys over
    the sequence. Nothing then divides by the number of keys: `K^T V` is a sum of `T` terms, and the output grows with
    the length of the history.

    The released code takes a mask and does not read it: keys and values at padded positions enter `K^T V`, so that a
    user's output depends on how far the row is padded (there always to `maxlen`, here to the longest row of the batch).
    `pad="excluded"`, the default, leaves them out; `pad="included"` computes what the released code does, the same
    operations in the same order, so that float32 queries, keys and values give the same digits.

    Deviations from the source: a token whose norm is too small for its square to be a normal number (zero, above all)
    is not divided by it, where the source gives NaN; no other digit changes. Norms are taken in at least float32.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head.
    Source: Liu et al. 2023 (LinRec, SIGIR), arXiv:2411.01537, released code.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int, pad: str = "excluded") -> None:
        if pad not in PADS:
            raise UsageError(f"'{pad}' does not fit option 'pad' of 'linear-released': give {' or '.join(PADS)}.")
        super().__init__(width, heads, causal, maxlen)
        self.pad = pad

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in linear time; all `[B, H, T, D]`."""
        # Keys are transposed first and the scale comes last, because another order rounds differently.
        q, k = feature(q), feature(k).mT
        by_query, by_key = inverse_norm(q, 3), inverse_norm(k, 2)
        if self.pad == "excluded":
            by_key = by_key * (torch.arange(k.shape[3], device=k.device) < lengths[:, None])[:, None]
        q, k = (q * by_query[..., None]).to(v.dtype), (k * by_key[:, :, None]).to(v.dtype)
        return q @ (k @ v) / math.sqrt(q.shape[3])

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, the whole matrix of scores at once; no token may be zero."""
        q, k = (torch.where(x > 0, x, torch.expm1(x.clamp(max=0))) for x in (q, k))
        q, k = (x / (x * x).sum(3, keepdim=True).sqrt() for x in (q, k))
        scores = q @ k.mT / math.sqrt(q.shape[3])
        hidden = torch.arange(k.shape[2], device=k.device) >= lengths[:, None, None, None]
        if self.pad == "included":
            hidden = torch.zeros_like(hidden)
        return scores.masked_fill(hidden, 0) @ v


def feature(x: Tensor) -> Tensor:
    """Apply ELU in at least float32 to `x [B, H, T, D]`."""
    # In memory as after a projection of its own: on CPU, ELU rounds the end of a stretch of memory otherwise.
    x = x.to(torch.promote_types(x.dtype, torch.float32)).transpose(1, 2).contiguous()
    return elu(x).transpose(1, 2)


def inverse_norm(x: Tensor, dim: int) -> Tensor:
    """Invert the L2 norm of `x` over `dim`; where the squares underflow the result is the constant 1."""
    norm = torch.linalg.vector_norm(x, dim=dim)
    return 1 / torch.where(norm > math.sqrt(torch.finfo(norm.dtype).tiny), norm, 1)
