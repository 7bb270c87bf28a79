"""The compiled form of LinRec is held to the loop of torch's operators in float64, and to its error in float32."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from linrec_cli.attentions._heads import apart
from linrec_cli.kernels import _chunks, _compiled, linrec
from linrec_cli.profiling import kernel
from linrec_cli.profiling.count import counted

pytestmark = pytest.mark.usefixtures("compiled")

SIZES = [(1, 1), (7, 8), (33, 16), (300, 16), (70, 24), (600, 32), (257, 50), (515, 64), (65, 128), (40, 3)]
DECAYS = [None, (-1e-4, -0.09), (-0.7, -40.0), (-9.0, -2000.0)]


def projected(batch: int, length: int, size: int, heads: int = 2, scale: float = 2.0) -> list[Tensor]:
    """Draw queries, keys and values as they come: views of one projection."""
    torch.manual_seed(length + size)
    x = torch.randn(batch, length, 3, heads, size) * scale
    return [part.transpose(1, 2) for part in x.unbind(2)]


def results(mix, parts: list[Tensor], decay: Tensor | None, grad: Tensor, **more: Tensor) -> list[Tensor]:
    """Mix, and differentiate by all that is given."""
    leaves = [x.detach().requires_grad_() for x in (*parts, decay) if x is not None]
    out = mix(*leaves, **more)
    return [out.detach(), *torch.autograd.grad(out, leaves, grad)]


def compiled(*given: Tensor, **more: Tensor) -> Tensor:
    with linrec.force("compiled"):
        return linrec.mix(*given, **more)


def off(found: Tensor, truth: Tensor) -> float:
    return (found.double() - truth).norm().item()


@pytest.mark.parametrize("decays", DECAYS)
@pytest.mark.parametrize(("length", "size"), SIZES)
def test_it_errs_no_more_than_twice_what_the_loop_errs(length: int, size: int, decays: tuple[float, float] | None):
    parts, decay = projected(2, length, size), None if decays is None else torch.tensor(decays)
    grad = torch.randn(2, length, 2, size).transpose(1, 2)
    wide = None if decay is None else decay.double()
    truth = results(_chunks.mix, [x.double() for x in parts], wide, grad.double())
    plain, found = (results(mix, parts, decay, grad) for mix in (_chunks.mix, compiled))
    for mine, other, true in zip(found[:4], plain, truth, strict=False):
        assert off(mine, true) <= 2 * off(other, true) + 1e-7 * true.norm().item()
    if decay is not None:
        # What sums over time leave of each other, so that it is they that round.
        asked = (grad * truth[0]).sum(3).abs() * torch.arange(length)
        assert off(found[4], truth[4]) <= 2 * off(plain[4], truth[4]) + 1e-6 * asked.sum().item() + 1e-12


def test_small_features_keep_their_digits() -> None:
    q = torch.ones(1, 1, 1, 16).expand(4096, -1, -1, -1).contiguous()
    k = torch.cat([-torch.logspace(-12, 2, 4096 * 8), torch.logspace(-12, 2, 4096 * 8)]).view_as(q)
    found = compiled(q, k, torch.ones_like(q))
    e = torch.where(k > 0, k.double(), k.double().expm1())
    weights = e / (e.square() + linrec.KEY_EPS).sqrt() / (16 + linrec.QUERY_EPS) ** 0.5
    torch.testing.assert_close(found[..., 0].double(), weights.sum(3), rtol=1e-6, atol=0)


@pytest.mark.parametrize("decay", [None, torch.tensor([-0.01, -3.0])])
def test_padding_is_neither_read_nor_given_a_gradient(decay: Tensor | None) -> None:
    parts, lengths = projected(4, 300, 16), torch.tensor([300, 257, 0, 31])
    grad = torch.randn(4, 300, 2, 16).transpose(1, 2)
    real = (torch.arange(300) < lengths[:, None])[:, None, :, None]
    spoilt = [x.where(real, torch.nan) for x in parts]
    found = results(compiled, spoilt, decay, grad.where(real, torch.nan), lengths=lengths)
    plain = results(_chunks.mix, parts, decay, grad * real)
    for mine, other in zip(found[:4], plain, strict=False):
        assert (mine.where(real, 0) == mine).all()
        torch.testing.assert_close(mine, other * real, rtol=1e-4, atol=1e-4)
    if decay is not None:
        torch.testing.assert_close(found[4], plain[4], rtol=1e-3, atol=1e-3)


def test_queries_keys_and_values_lie_in_memory_as_they_like() -> None:
    parts = projected(2, 70, 24)
    strange = [x.transpose(0, 3).contiguous().transpose(0, 3) for x in parts]
    grads = [torch.ones(1).expand(2, 2, 70, 24), torch.ones(2, 2, 70, 24)]
    one, other = (results(compiled, given, None, grad) for given, grad in zip((parts, strange), grads, strict=True))
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("batch", [1, 5])
def test_threads_change_nothing(batch: int) -> None:
    # Five heads are no whole shares for four threads.
    parts, decay = projected(batch, 130, 16, heads=5), torch.tensor([-0.01, -0.1, -1.0, -0.3, -0.2])
    grad, before = torch.randn(batch, 5, 130, 16), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            found.append(results(compiled, parts, decay, grad))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("decay", [None, torch.tensor([-0.02, -0.5])])
def test_where_states_are_kept_changes_roundings_only(decay: Tensor | None, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, grad = projected(2, 250, 24), torch.randn(2, 2, 250, 24)
    found = []
    for segment in (1024, 64):
        monkeypatch.setattr(linrec, "SEGMENT", segment)
        found.append(results(compiled, parts, decay, grad))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-6, 1e6, 1e9])
@pytest.mark.parametrize("decay", [None, torch.tensor([-0.02, -0.5])])
def test_all_stays_finite(scale: float, decay: Tensor | None) -> None:
    parts = projected(2, 80, 16, scale=scale)
    parts[0], parts[1] = parts[0] * -1, parts[1].abs()
    assert all(x.isfinite().all() for x in results(compiled, parts, decay, torch.ones(2, 2, 80, 16)))


@pytest.mark.parametrize("decay", [-1e-17, -8e-19, -1e-30, -1e-44])
def test_a_decay_next_to_none_is_none(decay: float) -> None:
    parts, grad = projected(2, 70, 16), torch.randn(2, 2, 70, 16)
    found = results(compiled, parts, torch.tensor([decay, decay]), grad)
    for mine, other in zip(found[:4], results(compiled, parts, None, grad), strict=True):
        assert torch.equal(mine, other)


def test_an_endless_decay_forgets_all_and_lengths_are_of_any_integers() -> None:
    parts, grad, lengths = projected(2, 40, 8), torch.randn(2, 2, 40, 8), torch.tensor([40, 7])
    more = ((-torch.inf, torch.int32), (-2000.0, torch.int64))
    one, other = (
        results(compiled, parts, torch.full((2,), decay), grad, lengths=lengths.to(kind)) for decay, kind in more
    )
    assert all(map(torch.equal, one, other))
    assert all(x.isfinite().all() for x in one)


def test_it_is_told_how_many_threads_and_what_it_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[object, ...]] = []
    failing = SimpleNamespace(linrec_run=lambda *given: told.append(given) or 1)
    monkeypatch.setattr(_compiled, "load", lambda: (failing, ""))
    monkeypatch.setattr(_compiled.torch, "get_num_threads", lambda: 7)
    with pytest.raises(MemoryError, match="scratch"):
        compiled(*projected(2, 20, 8))
    assert told[0][-1] == 7


@pytest.mark.parametrize("given", [(3, None), (None, 4)])
def test_what_is_too_short_is_not_read_past_its_end(given: tuple[int | None, int | None]) -> None:
    decay, lengths = (None if size is None else -torch.ones(size) for size in given)
    with pytest.raises(RuntimeError, match="must match the existing size"):
        compiled(*projected(5, 20, 8, heads=4), decay, lengths)


def test_only_what_is_asked_for_gets_a_gradient_and_no_second_one_is_given() -> None:
    parts, decay = projected(2, 300, 8), torch.tensor([-0.1, -0.2], requires_grad=True)
    every = results(compiled, parts, decay.detach(), torch.ones(2, 2, 300, 8))
    for i in range(4):
        leaves = [x.detach().requires_grad_(i == j) for j, x in enumerate((*parts, decay))]
        (one,) = torch.autograd.grad(compiled(*leaves).sum(), leaves[i], create_graph=True)
        assert torch.equal(one, every[1 + i])
        with pytest.raises(RuntimeError, match="no autograd formula was registered"):
            one.sum().backward()


def test_it_is_run_again_from_a_checkpoint_and_traced_in_one_graph() -> None:
    parts, grad = projected(2, 300, 8), torch.randn(2, 2, 300, 8)
    expected = results(compiled, parts, None, grad)
    traced = torch.compile(linrec.mix, fullgraph=True, backend="aot_eager")
    for mix in (lambda *given: checkpoint(compiled, *given, use_reentrant=False), traced):
        assert all(map(torch.equal, results(mix, parts, None, grad), expected))


def test_it_keeps_its_inputs_and_few_states() -> None:
    x = torch.randn(2, 1025, 3, 4, 16, requires_grad=True)
    kept = counted(lambda: compiled(*(part.transpose(1, 2) for part in x.unbind(2))))
    assert kept.saved_input_bytes == x.nbytes
    assert kept.saved_bytes == 2 * 4 * 4 * 17 * 16 * 4
    with torch.no_grad():
        assert linrec.made(x[:, :, 0].transpose(1, 2), False)[1].numel() == 0


def test_gradients_that_lie_side_by_side_are_put_together_without_a_copy() -> None:
    x = torch.randn(2, 40, 3 * 32, requires_grad=True)
    grad, made = torch.randn(2, 2, 40, 16), []
    for mix in (compiled, _chunks.mix):
        parts = apart(x, 3, 2)
        parts[0].register_hook(lambda part: made.append(part.data_ptr()))
        made.append(torch.autograd.grad(mix(*parts), x, grad)[0])
    assert made[1].data_ptr() == made[0]
    assert made[3].data_ptr() != made[2]
    torch.testing.assert_close(made[1], made[3], rtol=1e-5, atol=1e-5)
    # Pieces of the same memory in another order are not taken for it.
    q, k, v = apart(x, 3, 2)
    every = torch.randn(2, 40, 3, 2, 16).transpose(1, 3).unbind(2)
    (found,) = torch.autograd.grad((q, k, v), x, (every[2], every[1], every[0]))
    assert torch.equal(found, torch.cat([every[i].transpose(1, 2).flatten(2) for i in (2, 1, 0)], 2))


def test_products_are_counted() -> None:
    parts, positions = projected(2, 40, 64), 2 * 2 * 40
    grad = torch.randn(2, 2, 40, 64)
    most = 1.3 * positions * 64 * 64
    assert 4 * most / 1.3 < counted(lambda: compiled(*parts)).operations < 4 * most
    both = counted(lambda: results(compiled, parts, None, grad)).operations
    assert 16 * most / 1.3 < both < 16 * most


def test_the_operators_keep_the_rules_of_torch() -> None:
    parts = [x.detach().requires_grad_() for x in projected(2, 20, 8)]
    decay, lengths = torch.tensor([-0.1, -0.2], requires_grad=True), torch.tensor([20, 5])
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    for given in ((*parts, None, None, True), (*parts, decay, lengths, True)):
        assert {*torch.library.opcheck(torch.ops.linrec.mix.default, given, test_utils=checks).values()} == {"SUCCESS"}


def test_the_row_names_what_ran() -> None:
    parts, grad = projected(2, 20, 8), torch.randn(2, 2, 20, 8)
    for form, expected in (("auto", "linrec::mix"), ("plain", "eager")):
        with linrec.force(form):
            assert kernel.name({"step": lambda: results(linrec.mix, parts, None, grad)}) == expected


def test_what_it_can_not_take_the_loop_takes() -> None:
    parts = projected(2, 20, 8)
    for wrong in ([x.double() for x in parts], [x.bfloat16() for x in parts], projected(1, 5, 136)):
        assert torch.equal(linrec.mix(*wrong), _chunks.mix(*wrong))
        with linrec.force("compiled"), pytest.raises(RuntimeError, match="it takes"):
            linrec.mix(*wrong)
    q, k, v = projected(2, 20, 8)
    for uneven in ((q, k, v[..., :4]), (q, k[:, :, 1:], v)):
        with pytest.raises(RuntimeError, match="of one width"):
            compiled(*uneven)
    with pytest.raises(ValueError, match="no form 'fast'; known: auto, compiled, plain"), linrec.force("fast"):
        pass


def test_without_a_library_the_loop_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compiled, "load", lambda: (None, "not built"))
    parts = projected(2, 20, 8)
    assert torch.equal(linrec.mix(*parts), _chunks.mix(*parts))
    with linrec.force("compiled"), pytest.raises(RuntimeError, match="can't run: not built"):
        linrec.mix(*parts)
