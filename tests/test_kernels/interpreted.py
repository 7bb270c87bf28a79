"""Run Triton's kernels under its interpreter and print how far they are from the plain form."""

import json
import os

# Read when Triton is imported, which torch may do.
os.environ["TRITON_INTERPRET"] = "1"

import torch
from torch import Tensor

from linrec_cli.attentions.linear import Attention
from linrec_cli.kernels import _tried, _triton, _triton_bidirectional, linrec
from linrec_cli.kernels._chunks import mix

DECAYS = (-0.02, -6.0, -0.4)
SHAPES = [
    (1, 3, 33, 16, False),
    (2, 1, 1, 24, False),
    (1, 1, 35, 50, True),
    (1, 1, 17, 128, False),
]
"""Batch, heads, positions, features, and whether they fade; chunks are of 16 positions."""
CUT = [(16, (2, 1, 70, 8, True)), (12, (1, 2, 50, 8, True)), (8, (1, 1, 40, 12, False))]
"""Least positions of a segment, and shapes: segments of two chunks and of one, of which the last are shorter."""
LENGTHS = {1024: [17, 5], 16: [39, 20, 0]}
"""Real positions of each sequence, by the least of a segment: one of the longest alone, and two."""


def far(ours: Tensor, theirs: Tensor) -> float:
    """Measure a difference by the norm of what should be there."""
    return ((ours.double() - theirs).norm() / theirs.norm().clamp(min=1e-9)).item()


def drawn(batch: int, heads: int, length: int, size: int, decay: bool) -> tuple[list[Tensor], Tensor | None, Tensor]:
    """Draw queries, keys and values as views of one tensor, a log-decay, and the gradient of the output."""
    packed = torch.randn(batch, length, 3, heads, size)
    log_decay = torch.tensor(DECAYS[:heads]) if decay else None
    grad = torch.randn(batch, length, heads, size).transpose(1, 2)
    return [x.transpose(1, 2) for x in packed.unbind(2)], log_decay, grad


def plain(inputs: list[Tensor], log_decay: Tensor | None, grad: Tensor) -> list[Tensor]:
    """Compute output and gradients by the plain form in float64."""
    exact = [x.double().detach().requires_grad_() for x in inputs + ([] if log_decay is None else [log_decay])]
    right = mix(*exact)
    right.backward(grad.double())
    return [right.detach(), *(x.grad for x in exact)]


def errors(inputs: list[Tensor], log_decay: Tensor | None, grad: Tensor) -> list[float]:
    """Compare output and gradients with the plain form."""
    exact = plain(inputs, log_decay, grad)
    out, kept = _triton.forward(*inputs, log_decay)
    assert torch.equal(out, _triton.forward(*inputs, log_decay, keep=False)[0])
    ours = [out, *_triton.backward(grad, *inputs, log_decay, kept)][: len(exact)]
    assert all(x.dtype == torch.float32 for x in ours)
    return [far(x, y) for x, y in zip(ours, exact, strict=True)]


def cut(least: int, shape: tuple[int, int, int, int, bool]) -> tuple[list[float], list[float], float]:
    """Compare segments with the plain form; what they give and keep with one segment's; counts with their sums."""
    inputs, log_decay, grad = drawn(*shape)
    exact, found = plain(inputs, log_decay, grad), []
    for _triton.LEAST in (10**9, least):
        many = _triton.segments(shape[0] * shape[1], shape[2], 16)[1]
        out, kept = _triton.forward(*inputs, log_decay)
        grads = _triton.backward(grad, *inputs, log_decay, kept)[: len(exact) - 1]
        found.append([out, *grads, *kept])
    _triton.LEAST = 256
    assert many > 2
    apart = [far(x, y.double()) for x, y in zip(*found, strict=True)]
    wrong = 0.0 if log_decay is None else max(map(counts, found[1][-1].flatten(0, 1), log_decay.repeat(shape[0])))
    return [far(x, y) for x, y in zip(found[1], exact, strict=False)], apart, wrong


def counts(kept: Tensor, log_decay: Tensor) -> float:
    """Compare counts before chunks, and their derivatives, with sums over all positions."""
    steps = torch.arange(16 * len(kept)).double()
    left = torch.exp(log_decay.double() * steps)
    exact = [torch.stack([left[:t].sum(), (steps * left)[:t].sum()]) for t in range(0, len(steps), 16)]
    return far(kept, torch.stack(exact))


def bidirectional(least: int, lengths: Tensor) -> list[float]:
    """Compare output and gradients of keys that are not padding, which here is spoilt, with the formula in float64."""
    (q, k, v), _, grad = drawn(len(lengths), 2, max(lengths), 8, False)
    real, some = (torch.arange(max(lengths)) < lengths[:, None])[:, None, :, None], lengths > 0
    exact = [x.double().detach().requires_grad_() for x in (q, k, v)]
    right = Attention(16, 2, causal=False, maxlen=50).reference(*exact, lengths)
    right[some].backward(grad[some].double())
    _triton.LEAST = least
    ours = [x.detach().requires_grad_() for x in (q, k.where(real, torch.nan), v.where(real, torch.nan))]
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        out = _triton_bidirectional.mix(*ours, lengths)
    out.backward(grad)
    _triton.LEAST = 256
    assert [(x.shape[2:], x.dtype) for x in kept[4:]] == [((8, 8), torch.float32), ((8,), torch.float32)]
    assert [x.data_ptr() for x in kept[:4]] == [x.data_ptr() for x in (*ours, lengths)]
    pairs = list(zip([out.detach(), *(x.grad for x in ours)], [right.detach(), *(x.grad for x in exact)], strict=True))
    assert all((x[~some] == 0).all() for x, _ in pairs)
    assert all((x.where(real, 0) == x).all() for x, _ in pairs[2:])
    return [far(x[some], y[some]) for x, y in pairs]


def wired(batch: int, heads: int, length: int, size: int) -> list[float]:
    """Compare what a graph gets from it, where it is forced, with the plain form."""
    inputs, log_decay, grad = drawn(batch, heads, length, size, True)
    found = []
    for form, kind in (("triton", torch.float32), ("plain", torch.float64)):
        given = [x.to(kind).detach().requires_grad_() for x in (*inputs, log_decay)]
        with linrec.force(form):
            out = linrec.mix(*given)
        out.backward(grad.to(kind))
        found.append([out.detach(), *(x.grad for x in given)])
    return [far(x, y) for x, y in zip(*found, strict=True)]


def main() -> None:
    """Print the errors of each case: shapes, then settings of bfloat16, small queries, positions not side by side."""
    # Of other draws the log-decay's gradient, one number, nearly cancels and errs by up to 5e-6, in one segment too.
    torch.manual_seed(3)
    torch.set_num_threads(1)
    found = {str(shape): errors(*drawn(*shape)) for shape in SHAPES}
    (q, k, v), _, grad = drawn(1, 1, 5, 16, False)
    found["small"] = errors([q * 1e-4, k * 1e-2, v], None, grad)
    found["apart, in memory"] = errors([x.mT.contiguous().mT for x in (q, k, v)], None, grad.mT.contiguous().mT)
    found["no keys"] = [_triton.forward(q, torch.zeros_like(k), v)[0].abs().max().item()]
    for least, shape in CUT:
        found[f"cut {shape}"], found[f"same {shape}"], wrong = cut(least, shape)
        found[f"counts {shape}"] = [wrong]
    for least, lengths in LENGTHS.items():
        found[f"bidirectional {lengths}"] = bidirectional(least, torch.tensor(lengths))
    exact = _triton.settings
    # What bfloat16 is computed with, but for its rounding, which the interpreter does not have.
    _triton.settings = lambda size, kind, decay: exact(size, torch.bfloat16, decay) | {"SUMS": "ieee"}
    found["bfloat16"] = errors(*drawn(1, 1, 40, 16, False)) + bidirectional(256, torch.tensor([40]))
    _triton.settings, _triton.available = exact, lambda: ""
    found["in a graph"] = wired(1, 2, 18, 16)
    _tried.LENGTHS, _triton.LEAST = ((40, 7), (12,)), 16
    ways = [(False, True), (True, True), (False, False)]
    found["tried"] = [_tried.wrong(16, torch.float32, *way, "cpu") for way in ways]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
