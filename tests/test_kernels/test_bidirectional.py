"""The compiled bidirectional form of LinRec is held to its formula in float64, and to the error of torch's form."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from linrec_cli.attentions._heads import apart
from linrec_cli.attentions.linear import Attention
from linrec_cli.kernels import _compiled, bidirectional
from linrec_cli.profiling import kernel
from linrec_cli.profiling.count import counted

pytestmark = pytest.mark.usefixtures("compiled")

CASES = [
    (1, 8, (1, 1)),
    (9, 1, (9, 2)),
    (7, 8, (7, 3)),
    (33, 16, (33, 32)),
    (300, 16, (257, 300)),
    (70, 24, (1, 70)),
    (600, 32, (599, 64)),
    (257, 50, (257, 31)),
    (130, 64, (130, 97)),
    (65, 128, (65, 34)),
    (40, 127, (40, 33)),
    (40, 3, (2, 40)),
]
"""Positions, features, and lengths."""


def projected(batch: int, length: int, size: int, heads: int = 2, scale: float = 2.0) -> list[Tensor]:
    """Draw queries, keys and values as they come: views of one projection."""
    torch.manual_seed(length + size)
    x = torch.randn(batch, length, 3, heads, size) * scale
    return [part.transpose(1, 2) for part in x.unbind(2)]


def real(lengths: Tensor, length: int) -> Tensor:
    return (torch.arange(length) < lengths[:, None])[:, None, :, None]


def formula(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
    """Mix by the matrix of all weights; zero at padding."""
    e, key = (torch.where(x > 0, x, torch.expm1(x.clamp(max=0))) for x in (q, k))
    seen, count = real(lengths, q.shape[2]), lengths.clamp(min=1)[:, None, None, None]
    key = key * seen
    by_query = (e.pow(2).sum(3, keepdim=True) + 1e-12).sqrt()
    by_key = (count * (key.pow(2).sum(2, keepdim=True) + 1e-3)).sqrt()
    weights = torch.einsum("bhtd,bhsd->bhts", e / by_query, key / by_key)
    return torch.einsum("bhts,bhsd->bhtd", weights, v) * seen


def plain(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
    """Mix by torch's operators."""
    return Attention(q.shape[1] * q.shape[3], q.shape[1], False, q.shape[2]).parallel(q, k, v, lengths)


def compiled(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor | None = None) -> Tensor:
    with _compiled.force("compiled"):
        assert bidirectional.serves(q, k, v)
    return bidirectional.mix(q, k, v, torch.full((q.shape[0],), q.shape[2]) if lengths is None else lengths)


def results(mix: Callable[..., Tensor], parts: list[Tensor], grad: Tensor, *more: Tensor) -> list[Tensor]:
    """Mix, and differentiate by all that is given."""
    leaves = [x.detach().requires_grad_() for x in parts]
    out = mix(*leaves, *more)
    return [out.detach(), *torch.autograd.grad(out, leaves, grad)]


def off(found: Tensor, truth: Tensor) -> float:
    return (found.double() - truth).norm().item()


@pytest.mark.parametrize(("length", "size", "lengths"), CASES)
def test_it_errs_no_more_than_twice_what_the_operators_err(length: int, size: int, lengths: tuple[int, int]) -> None:
    # Of one key nearly all cancels: many tell what is luck.
    given = torch.tensor(lengths).repeat(max(1, 300 // length))
    parts = projected(len(given), length, size)
    grad = torch.randn(len(given), length, 2, size).transpose(1, 2) * real(given, length)
    truth = results(formula, [x.double() for x in parts], grad.double(), given)
    other, found = (results(mix, parts, grad, given) for mix in (plain, compiled))
    other[0] = other[0] * real(given, length)
    for mine, theirs, true in zip(found, other, truth, strict=True):
        assert off(mine, true) <= 2 * off(theirs, true) + 2e-7 * true.norm().item()


def test_gradients_are_the_slopes_of_the_formula() -> None:
    parts, lengths = projected(2, 37, 9), torch.tensor([37, 20])
    grad = torch.randn(2, 2, 37, 9)
    for which, found in enumerate(results(compiled, parts, grad, lengths)[1:]):
        step, sides = torch.randn(2, 2, 37, 9).double(), []
        for way in (1e-5, -1e-5):
            moved = [x.double() + way * step * (i == which) for i, x in enumerate(parts)]
            sides.append((formula(*moved, lengths) * grad).sum())
        slope = (sides[0] - sides[1]) / 2e-5
        asked = found.double() * step
        assert abs(asked.sum() - slope) < 1e-6 * asked.abs().sum()


def test_small_features_keep_their_digits() -> None:
    k = torch.cat([-torch.logspace(-12, 2, 4096 * 8), torch.logspace(-12, 2, 4096 * 8)]).view(4096, 1, 1, 16)
    found = compiled(torch.ones_like(k), k, torch.ones_like(k))
    e = torch.where(k > 0, k.double(), k.double().expm1())
    weights = e / (e.square() + 1e-3).sqrt() / 4
    torch.testing.assert_close(found[..., 0].double(), weights.sum(3), rtol=1e-6, atol=0)


def test_padding_is_neither_read_nor_given_a_gradient_and_what_has_no_events_is_zero() -> None:
    parts, lengths = projected(5, 300, 16), torch.tensor([300, 257, 0, 31, -1])
    grad = torch.randn(5, 300, 2, 16).transpose(1, 2)
    seen = real(lengths, 300)
    spoilt = [x.where(seen, torch.nan) for x in parts]
    found = results(compiled, spoilt, grad.where(seen, torch.nan), lengths)
    truth = results(formula, [x.double() for x in parts], grad.double() * seen, lengths)
    for mine, true in zip(found, truth, strict=True):
        assert (mine.where(seen, 0) == mine).all()
        torch.testing.assert_close(mine.double(), true, rtol=1e-4, atol=1e-4)


def test_queries_keys_and_values_lie_in_memory_as_they_like_and_lengths_are_of_any_integers() -> None:
    parts, lengths = projected(2, 70, 24), torch.tensor([70, 41])
    strange = [x.transpose(0, 3).contiguous().transpose(0, 3) for x in parts]
    grads = [torch.ones(1).expand(2, 2, 70, 24), torch.ones(2, 2, 70, 24)]
    one = results(compiled, parts, grads[0], lengths.int())
    other = results(compiled, strange, grads[1], torch.stack([lengths, lengths], 1)[:, 0])
    assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("batch", [1, 5])
def test_threads_change_nothing(batch: int) -> None:
    # Five heads are no whole shares for four threads.
    parts, lengths = projected(batch, 130, 16, heads=5), torch.tensor([130, 0, 7, 129, 64])[:batch]
    grad, before, found = torch.randn(batch, 5, 130, 16), torch.get_num_threads(), []
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            found.append(results(compiled, parts, grad, lengths))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("size", [16, 20])
@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-6, 1e6, 1e9])
def test_all_stays_finite(scale: float, size: int) -> None:
    parts = projected(2, 80, size, scale=scale)
    parts[0], parts[1] = parts[0] * -1, parts[1].abs()
    assert all(x.isfinite().all() for x in results(compiled, parts, torch.ones(2, 2, 80, size)))


def test_a_long_sum_rounds_little() -> None:
    parts, lengths = projected(1, 40_000, 4, heads=1), torch.tensor([40_000])
    parts[1] = parts[1].abs()
    truth = plain(*(x.double() for x in parts), lengths)
    found = compiled(*parts, lengths)
    assert off(found, truth) < 1e-6 * truth.norm().item()


def test_nothing_to_mix_is_mixed() -> None:
    for shape in ((0, 2, 5, 8), (2, 2, 0, 8)):
        given = [torch.randn(shape, requires_grad=True) for _ in range(3)]
        out = compiled(*given)
        out.sum().backward()
        assert out.shape == shape
        assert all(x.grad is not None and x.grad.shape == shape for x in given)


def test_only_what_is_asked_for_gets_a_gradient_and_no_second_one_is_given() -> None:
    parts = projected(2, 70, 8)
    every = results(compiled, parts, torch.ones(2, 2, 70, 8))
    for i in range(3):
        leaves = [x.detach().requires_grad_(i == j) for j, x in enumerate(parts)]
        (one,) = torch.autograd.grad(compiled(*leaves).sum(), leaves[i], create_graph=True)
        assert torch.equal(one, every[1 + i])
        with pytest.raises(RuntimeError, match="no autograd formula was registered"):
            one.sum().backward()


def test_lengths_that_are_too_few_are_refused_and_memory_that_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(RuntimeError, match="must match the existing size"):
        compiled(*projected(5, 20, 8), torch.ones(4))
    told: list[tuple[object, ...]] = []
    failing = SimpleNamespace(linrec_run=lambda *given: told.append(given) or 1)
    monkeypatch.setattr(_compiled, "load", lambda: (failing, ""))
    with pytest.raises(MemoryError, match="scratch"):
        compiled(*projected(2, 20, 8))
    assert list(told[0][0]) == [2, 2, 20, 8, 0]


# Torch's, where the interpreter is the first of its kind.
@pytest.mark.filterwarnings("ignore:Guards may run slower on Python 3.13.0")
def test_it_is_run_again_from_a_checkpoint_and_traced_in_one_graph() -> None:
    parts, grad, lengths = projected(2, 70, 8), torch.randn(2, 2, 70, 8), torch.tensor([70, 12])
    expected = results(compiled, parts, grad, lengths)
    attend = Attention(16, 2, False, 70).attend
    traced = torch.compile(attend, fullgraph=True, backend="aot_eager")
    for mix in (lambda *given: checkpoint(compiled, *given, use_reentrant=False), attend, traced):
        assert all(map(torch.equal, results(mix, parts, grad, lengths), expected))


def test_it_keeps_its_inputs_alone() -> None:
    x, lengths = torch.randn(2, 1025, 3 * 64, requires_grad=True), torch.tensor([1025, 7])
    kept = counted(lambda: Attention(64, 4, False, 1025).attend(*apart(x, 3, 4), lengths))
    assert kept.saved_input_bytes == x.nbytes + lengths.nbytes
    assert kept.saved_bytes == 0


def test_gradients_that_lie_side_by_side_are_put_together_without_a_copy() -> None:
    x, made = torch.randn(2, 40, 3 * 32, requires_grad=True), []
    parts = apart(x, 3, 2)
    parts[0].register_hook(lambda part: made.append(part.data_ptr()))
    (found,) = torch.autograd.grad(compiled(*parts), x, torch.randn(2, 2, 40, 16))
    assert found.data_ptr() == made[0]


def test_products_are_counted() -> None:
    parts, least = projected(2, 40, 64), 2 * 2 * 40 * 64 * 64
    grad = torch.randn(2, 2, 40, 64)
    assert 4 * least < counted(lambda: compiled(*parts)).operations < 1.3 * 4 * least
    assert 14 * least < counted(lambda: results(compiled, parts, grad)).operations < 1.3 * 14 * least


def test_the_operators_keep_the_rules_of_torch() -> None:
    given = (*(x.detach().requires_grad_() for x in projected(2, 20, 8)), torch.tensor([20, 5]))
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    found = torch.library.opcheck(torch.ops.linrec.mix_bidirectional.default, given, test_utils=checks)
    assert {*found.values()} == {"SUCCESS"}
    found = torch.library.opcheck(
        torch.ops.linrec.mix_bidirectional_backward.default,
        (torch.randn(2, 2, 20, 8), *(x.detach() for x in given)),
        test_utils=("test_schema", "test_faketensor"),
    )
    assert {*found.values()} == {"SUCCESS"}


def test_the_mechanism_takes_it_and_the_row_names_what_ran() -> None:
    parts, grad, lengths = projected(2, 20, 8), torch.randn(2, 2, 20, 8), torch.tensor([20, 5])
    attend = Attention(16, 2, False, 20).attend
    for form, expected in (("auto", "linrec::mix_bidirectional"), ("plain", "eager")):
        with _compiled.force(form):
            assert kernel.name({"step": lambda: results(attend, parts, grad, lengths)}) == expected


def test_what_it_can_not_take_torch_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ([x.double() for x in projected(2, 20, 8)], projected(1, 5, 136)):
        attention, lengths = Attention(wrong[0].shape[3] * 2, 2, False, 20), torch.full((wrong[0].shape[0],), 5)
        assert torch.equal(attention.attend(*wrong, lengths), attention.parallel(*wrong, lengths))
        with _compiled.force("compiled"), pytest.raises(RuntimeError, match="it takes"):
            attention.attend(*wrong, lengths)
    monkeypatch.setattr(_compiled, "load", lambda: (None, "not built"))
    parts, lengths = projected(2, 20, 8), torch.tensor([20, 5])
    assert torch.equal(Attention(16, 2, False, 20).attend(*parts, lengths), plain(*parts, lengths))
    with _compiled.force("compiled"), pytest.raises(RuntimeError, match="can't run: not built"):
        Attention(16, 2, False, 20).attend(*parts, lengths)
    with pytest.raises(RuntimeError, match="can't run: not built"):
        bidirectional.mix(*parts, lengths)
