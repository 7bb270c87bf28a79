"""What is known of items: pooled as the source pools it, refused where there is nothing."""

import pytest
import torch

from linrec_cli.errors import DataError
from linrec_cli.models import fdsa, sasrecf
from linrec_cli.models._fields import Field, fields
from linrec_cli.models._recommender import Facts

KNOWN = torch.tensor([[0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1]], dtype=torch.bool)
ITEMS = torch.tensor([[1, 2, 3], [4, 4, 0]])


@pytest.mark.parametrize("mean", [False, True])
def test_a_field_is_the_sum_or_the_mean_of_the_values_that_an_item_has(mean: bool) -> None:
    field = Field(KNOWN, 4, mean=mean)
    found = field(ITEMS)
    for row in range(2):
        for place in range(3):
            has = KNOWN[ITEMS[row, place]].nonzero()[:, 0].tolist()
            expected = sum((field.values.weight[value] for value in has), torch.zeros(4))
            torch.testing.assert_close(found[row, place], expected / max(1, len(has)) if mean else expected)
    assert (found[0, 2] == 0).all()


def test_what_is_known_is_of_the_data_and_not_among_the_weights() -> None:
    assert list(Field(KNOWN, 4, mean=True).state_dict()) == ["values.weight"]


def test_there_is_a_field_for_each_feature_that_has_values() -> None:
    features = {"genres": KNOWN, "moods": KNOWN[:, :0], "makers": KNOWN[:, 1:]}
    assert [field.values.num_embeddings for field in fields(Facts(4, features), 6, mean=True)] == [3, 2]


@pytest.mark.parametrize("model", [fdsa.Model, sasrecf.Model])
@pytest.mark.parametrize("features", [{}, {"moods": KNOWN[:, :0]}])
def test_data_without_features_are_refused_in_a_line_that_says_what_to_do(
    model: type[fdsa.Model] | type[sasrecf.Model], features: dict[str, torch.Tensor]
) -> None:
    with pytest.raises(
        DataError, match=r"^nothing is known of the items.*--data ml-1m.*docs/adding.md.*--model sasrec\.$"
    ):
        model(Facts(4, features), 12, "linear", width=8, heads=2, layers=1, dropout=0.1)
