"""HSTU against its formula, written out in loops; the time between events, and the cosines it scores by."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from linrec_cli.data.batch import Batch
from linrec_cli.errors import DataError, UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.models.hstu import Model, elapsed

Made = Callable[..., Batch]
MAXLEN, WIDTH, HEADS = 12, 6, 2
ITEMS = [3, 1, 4, 1, 5]
TIMES = [100, 100, 103, 5000, 5007]


def made(**options: object) -> Model:
    """Make a model in float64 whose weights are all away from where they begin."""
    torch.manual_seed(0)
    model = Model(Facts(9), MAXLEN, "", width=WIDTH, heads=HEADS, layers=2, dropout=0.4, **options).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
        model.items.weight[0] = 0
    return model


def norm(x: Tensor) -> Tensor:
    return (x - x.mean()) / (x.var(unbiased=False) + 1e-6).sqrt()


def silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def layer(x: Tensor, w: dict[str, Tensor], at: str, times: list[int] | None, now: list[int] | None = None) -> Tensor:
    """Map `x [T, C]` by one layer, a position and a head at a time; `now` is when each position is, if not `times`."""
    size, rows = WIDTH // HEADS, []
    inner = [silu(w[f"{at}.attention.inward.weight"] @ norm(row)) for row in x]
    for i in range(len(x)):
        mixed = []
        for head in range(HEADS):
            q, k, v = (slice(part * WIDTH + head * size, part * WIDTH + (head + 1) * size) for part in range(3))
            total = torch.zeros(size, dtype=torch.float64)
            for j in range(i + 1):
                score = inner[i][q] @ inner[j][k] + w[f"{at}.attention.bias"][MAXLEN - 1 - (i - j)]
                if times is not None:
                    score = score + w[f"{at}.ages"][math.floor(math.log(max(1, (now or times)[i] - times[j])) / 0.301)]
                total = total + silu(score) / MAXLEN * inner[j][v]
            mixed.append(total)
        gated = inner[i][3 * WIDTH :] * norm(torch.cat(mixed))
        rows.append(x[i] + w[f"{at}.attention.outward.weight"] @ gated + w[f"{at}.attention.outward.bias"])
    return torch.stack(rows)


@pytest.mark.parametrize(("time", "aware"), [(False, False), (True, False), (True, True)])
def test_the_encoder_is_its_formula(batch: Made, time: bool, aware: bool) -> None:
    model = made(time=time, time_aware=aware)
    now = [*TIMES[1:], 90_000]
    given = replace(batch(ITEMS), times=torch.tensor([TIMES]), target_times=torch.tensor([now]))
    w = model.state_dict()
    scaled = [w["items.weight"][item] * math.sqrt(WIDTH) for item in ITEMS]
    x = torch.stack([item + w["positions.weight"][t] for t, item in enumerate(scaled)])
    for at in ("blocks.0", "blocks.1"):
        x = layer(x, w, at, TIMES if time else None, now if aware else None)
    expected = torch.stack([row / row.norm() / 0.05 for row in x])
    torch.testing.assert_close(model.encode(given)[0], expected)
    torch.testing.assert_close(model.query(given)[0], expected[-1])


def test_scores_are_cosines_over_the_temperature(batch: Made) -> None:
    model = made(temperature=0.2)
    given = batch([3, 1], [4, 4])
    query = torch.nn.functional.cosine_similarity(model.encode(given)[:, -1, None], model.items.weight[None, 1:], dim=2)
    torch.testing.assert_close(model.scores(model.query(given)), (query / 0.2).float())
    assert (model.table()[0] == 0).all()


def test_buckets_grow_with_the_logarithm_of_the_time_between_two_events() -> None:
    # ln 2 / .301 = 2.3, ln 60 / .301 = 13.6, ln 86400 / .301 = 37.8, and far beyond the last one.
    times = torch.tensor([[0, 1, 60, 86_400, 10**18], [7, 9, 9, 9, 9]])
    found = elapsed(times, times)
    assert found[0, :, 0].tolist() == [0, 0, 13, 37, 128]
    assert found[1, 0].tolist() == [0, 2, 2, 2, 2]
    assert torch.equal(found, found.mT)
    later = elapsed(times[:, :2], times[:, 3:])
    assert later.tolist() == [[[37, 37], [128, 128]], [[2, 0], [2, 0]]]


def test_a_position_knows_when_its_own_event_was_and_not_when_the_next_is(batch: Made) -> None:
    model, given = made(time=True), batch(ITEMS)
    one, later = (model.encode(replace(given, times=torch.tensor([[*TIMES[:4], last]])))[0] for last in (5007, 9999))
    assert torch.equal(one[:4], later[:4])
    assert (one[4] - later[4]).abs().max() > 1e-5


def test_a_time_aware_model_needs_the_time_of_what_it_predicts(batch: Made) -> None:
    model = made(time=True, time_aware=True)
    with pytest.raises(DataError, match=r"told when .* nobody knows yet; train it without time_aware=true"):
        model.encode(replace(batch(ITEMS), times=torch.tensor([TIMES])))
    with pytest.raises(DataError, match="these histories have none"):
        model.encode(batch(ITEMS))
    with pytest.raises(UsageError, match="give time=true too"):
        made(time_aware=True)


def test_only_what_lies_between_events_matters_and_padding_does_not(batch: Made) -> None:
    model = made(time=True)
    alone = model.encode(replace(batch(ITEMS), times=torch.tensor([TIMES])))
    moved = [time + 10**9 for time in TIMES] + [0, 0]
    beside = replace(batch(ITEMS, [2] * 7), times=torch.tensor([moved, [*range(7)]]))
    torch.testing.assert_close(model.encode(beside)[:1, :5], alone)


def test_times_change_nothing_unless_they_are_asked_for(batch: Made) -> None:
    model = made()
    timed = replace(batch(ITEMS), times=torch.tensor([TIMES]))
    assert torch.equal(model.encode(timed), model.encode(batch(ITEMS)))


def test_a_history_without_times_is_refused_where_they_are_read(batch: Made) -> None:
    with pytest.raises(DataError, match="these histories have none; give some, or leave time=true out"):
        made(time=True).encode(batch(ITEMS))


def test_weights_begin_as_stated() -> None:
    torch.manual_seed(0)
    model = Model(Facts(2000), 400, "", width=64, heads=2, layers=1, dropout=0.1, time=True)
    block = model.blocks[0]
    spreads = [model.items.weight[1:], block.attention.inward.weight, block.attention.bias, block.ages]
    assert [float(x.detach().std()) for x in spreads] == pytest.approx([0.02] * 4, rel=0.15)
    assert float(model.positions.weight.detach().std()) == pytest.approx(1 / 8, rel=0.03)
    # Xavier's uniform: between plus and minus the root of 6 over 64 + 64.
    assert float(block.attention.outward.weight.detach().abs().max()) == pytest.approx(math.sqrt(6 / 128), rel=0.01)


def test_what_attention_gives_is_dropped_before_it_is_projected() -> None:
    block, x = made().train().blocks[0], torch.randn(1, 5, WIDTH, dtype=torch.float64)
    one, other = (block(x, torch.tensor([5]), None) for _ in range(2))
    assert (one - other).abs().max() > 1e-3
    # Dropped after it, what is dropped would be the input itself.
    assert not (one == x).any()
