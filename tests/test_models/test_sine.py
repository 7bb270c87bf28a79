"""SINE against the source's formula, one history at a time, one item at a time."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.models.sine import Model

Made = Callable[..., Batch]
SIZE = {"width": 6, "heads": 1, "layers": 1, "dropout": 0.4}
OPTIONS = {"prototypes": 7, "interests": 3, "temperature": 0.7}


@pytest.fixture
def model(twice: nn.Module) -> Model:
    torch.manual_seed(0)
    made = Model(Facts(9), 12, "", **SIZE, **OPTIONS).double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    made.dropout = twice
    return made


def softmax(scores: list[Tensor]) -> list[Tensor]:
    total = sum(score.exp() for score in scores)
    return [score.exp() / total for score in scores]


def mixed(weights: list[Tensor], rows: list[Tensor]) -> Tensor:
    return sum(weight * row for weight, row in zip(weights, rows, strict=True))


def norm(x: Tensor, w: dict[str, Tensor], number: int) -> Tensor:
    scaled = (x - x.mean()) / (x.var(unbiased=False) + 1e-5).sqrt()
    return scaled * w[f"norms.{number}.weight"] + w[f"norms.{number}.bias"]


def twin(w: dict[str, Tensor], history: list[int]) -> Tensor:
    """Encode one history, in the order and the names of the source's paper."""
    x = [2 * w["items.weight"][item] for item in history]
    z = mixed(softmax([(row @ w["summed"]).tanh() @ w["sums"] for row in x]), x)
    met = sorted(((row @ z, row) for row in w["pool"]), key=lambda one: float(one[0]))[-OPTIONS["interests"] :]
    concepts = [row / (1 + (-score).exp()) for score, row in met]
    # The source lists the best last, the model first; the weights of an interest go by its place.
    concepts.reverse()
    assigned = []
    for row in x:
        turned = row @ w["assigned"]
        assigned.append(softmax([turned / turned.norm() @ norm(concept, w, 0) for concept in concepts]))
    interests = []
    for k in range(OPTIONS["interests"]):
        weights = softmax([(row @ w["weighed"][k]).tanh() @ w["weights"][k] for row in x])
        interest = mixed([share[k] * weight for share, weight in zip(assigned, weights, strict=True)], x)
        interests.append(interest / interest.norm())
    intended = [mixed(share, concepts) for share in assigned]
    aim = norm(mixed(softmax([(row @ w["assigned"]).tanh() @ w["intends"] for row in intended]), intended), w, 1)
    return mixed(softmax([interest @ aim / OPTIONS["temperature"] for interest in interests]), interests)


def test_every_position_is_the_formula_over_the_history_up_to_it(model: Model, batch: Made) -> None:
    histories = [[3, 1, 4, 1, 5], [9, 2, 6]]
    found = model.encode(batch(*histories))
    for row, history in enumerate(histories):
        for place in range(len(history)):
            torch.testing.assert_close(found[row, place], twin(model.state_dict(), history[: place + 1]))


def test_a_user_is_ranked_by_the_whole_history_and_padding_takes_no_part(model: Model, batch: Made) -> None:
    found = model.query(batch([3, 1, 4, 1, 5], [9, 2, 6]))
    torch.testing.assert_close(found[0], twin(model.state_dict(), [3, 1, 4, 1, 5]))
    torch.testing.assert_close(found[1], twin(model.state_dict(), [9, 2, 6]))


def test_a_history_is_a_set(model: Model, batch: Made) -> None:
    torch.testing.assert_close(model.query(batch([3, 1, 4])), model.query(batch([4, 3, 1])))


def test_weights_begin_as_stated() -> None:
    model = Model(Facts(2000), 50, "", width=64, heads=1, layers=1, dropout=0.1)
    for weights, deviation in (
        (model.items.weight[1:], (2 / 2064) ** 0.5),
        (model.pool, (2 / 114) ** 0.5),
        (model.summed, 0.01),
        (model.weighed, 0.01),
    ):
        assert float(weights.detach().std()) == pytest.approx(deviation, rel=0.05)
    assert model.pool.shape == (50, 64)
    assert model.weighed.shape == (3, 64, 64)


def test_more_interests_than_prototypes_are_refused() -> None:
    with pytest.raises(UsageError, match=r"interests=8 .* 1\.\.7"):
        Model(Facts(9), 12, "", **SIZE, interests=8, prototypes=7)
