"""The matrix of weights behind a mechanism, recovered from its `reference`, and what that matrix is like."""

import inspect
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from linrec_cli import catalog
from linrec_cli.attentions._build import build

CASES = [
    (name, form)
    for name in catalog.names("attentions")
    for form in catalog.load("attentions", name).FORMS
    if hasattr(catalog.load("attentions", name).Attention, "reference")
]
SIZE, LENGTH = 8, 256
RANK_TOLERANCE = 1e-9
"""A singular value below this share of the largest is rounding."""

Parts = dict[str, Tensor]


def made(name: str, form: str, length: int, size: int = SIZE) -> nn.Module:
    """Build one head in float64."""
    torch.manual_seed(0)
    return build(name, size, 1, causal=form == "causal", maxlen=length).double().eval()


def drawn(attention: nn.Module, length: int, size: int = SIZE, seed: int = 0) -> Parts:
    """Split random inputs; then draw queries, keys and values anew, with independent normal features."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, length, size, generator=generator, dtype=torch.float64)
    names = list(inspect.signature(attention.reference).parameters)[:-1]
    parts = dict(zip(names, (part.detach() for part in attention.split(x)), strict=True))
    fresh = {n: torch.randn(parts[n].shape, generator=generator, dtype=torch.float64) for n in ("q", "k", "v")}
    return parts | fresh


def mixed(attention: nn.Module, parts: Parts) -> Tensor:
    """Mix by the formula, `[B, H, T, D]`; every row is real from end to end."""
    lengths = torch.full((parts["v"].shape[0],), parts["v"].shape[2])
    out = attention.reference(*parts.values(), lengths)
    # Far from unit size the plain formula may leave the range of numbers where the fast form stays within it.
    return (out if out.isfinite().all() else attention.attend(*parts.values(), lengths)).detach()


def matrix(attention: nn.Module, parts: Parts) -> Tensor:
    """Recover the weights `[H, T, T]` of one sequence from what comes out for one-hot values, D columns at a time."""
    _, heads, length, size = parts["v"].shape
    copies = -(-length // size)
    one_hot = torch.eye(length, copies * size, dtype=parts["v"].dtype).unflatten(1, (copies, size)).transpose(0, 1)
    many = {name: part.expand(copies, *part.shape[1:]) for name, part in parts.items()}
    many["v"] = one_hot[:, None].expand(copies, heads, length, size)
    return mixed(attention, many).permute(1, 2, 0, 3).flatten(2)[..., :length]


def rank(weights: Tensor) -> int:
    """Count what the later half of the positions can know of the earlier half: the rank of that block, `[T, T]`."""
    half = weights.shape[0] // 2
    values = torch.linalg.svdvals(weights[half:, :half])
    return int((values > RANK_TOLERANCE * values[0]).sum())


def shape(weights: Tensor) -> Tensor:
    """Divide each row of `weights [R, T]` by its absolute sum."""
    return weights / weights.abs().sum(1, keepdim=True)


def share(weights: Tensor, of: Tensor) -> Tensor:
    """Compute each row's share of absolute weight that lies on position `of [R]`; `weights [R, T]`."""
    return shape(weights).abs().gather(1, of[:, None])[:, 0]


@dataclass(frozen=True)
class Properties:
    """What is asked of a mechanism's weights; rows are those of the later half of the positions.

    Attributes:
        nonlinearity: relative distance of the output from weights times values; 0 where one weight a pair is all.
        ranks: rank of the block of later queries and earlier keys, at half and at all of `LENGTH`.
        row_sum: mean and standard deviation of the rows' sums.
        negative: share of the weights that are below zero.
        query_scale: relative change of the rows, each divided by its absolute sum, when queries are ten times as long.
        sharpest: median over rows of the largest share of absolute weight, queries and keys 30 times as long.
        chosen: mean share on a key of its own that each query was aimed at, queries 30 times as long.
        aimed_rank: rank of the block of those queries and keys.
        loud: share of the last row on one key that is a million times as long as the others.
    """

    nonlinearity: float
    ranks: tuple[int, int]
    row_sum: tuple[float, float]
    negative: float
    query_scale: float
    sharpest: float
    chosen: float
    aimed_rank: int
    loud: float


@cache
def past(name: str, form: str) -> tuple[float, tuple[int, int]]:
    """Measure only `nonlinearity` and `ranks` of one mechanism in one form."""
    attention, shorter = made(name, form, LENGTH), made(name, form, LENGTH // 2)
    parts = drawn(attention, LENGTH)
    plain, out = matrix(attention, parts)[0], mixed(attention, parts)[0]
    nonlinearity = ((plain @ parts["v"][0] - out).norm() / out.norm()).item()
    return nonlinearity, (rank(matrix(shorter, drawn(shorter, LENGTH // 2))[0]), rank(plain))


@cache
def properties(name: str, form: str) -> Properties:
    """Measure one mechanism in one form."""
    attention = made(name, form, LENGTH)
    parts, half = drawn(attention, LENGTH), LENGTH // 2
    q, k = parts["q"], parts["k"]

    def weights(**changed: Tensor) -> Tensor:
        return matrix(attention, parts | changed)[0]

    # Each query aims at a key of its own in the earlier half; all keys have the same length.
    aim = torch.randperm(half, generator=torch.Generator().manual_seed(1))
    even = k / k.norm(dim=-1, keepdim=True) * SIZE**0.5
    one_loud = k.clone()
    one_loud[:, :, half // 2] = 1e6
    plain, away, loud = weights(), weights(q=q * 30, k=k * 30)[half:], weights(k=one_loud)[half:]
    aimed = weights(q=torch.cat([q[:, :, :half], 30 * even[:, :, aim]], 2), k=even)
    rows, (nonlinearity, ranks) = plain[half:], past(name, form)
    return Properties(
        nonlinearity=nonlinearity,
        ranks=ranks,
        row_sum=(rows.sum(1).mean().item(), rows.sum(1).std().item()),
        negative=((rows < 0).sum() / (rows != 0).sum()).item(),
        query_scale=((shape(weights(q=q * 10)[half:]) - shape(rows)).norm() / shape(rows).norm()).item(),
        sharpest=share(away, away.abs().argmax(1)).median().item(),
        chosen=share(aimed[half:], aim).mean().item(),
        aimed_rank=rank(aimed),
        loud=share(loud, torch.full((half,), half // 2))[-1].item(),
    )
