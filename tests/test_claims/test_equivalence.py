"""Which of dot-product attention's properties a mechanism keeps, measured on the weights behind its formula."""

import costs
import matrices
import pytest
import torch

EXACT = 1e-9


@pytest.mark.parametrize("form", ["causal", "bidirectional"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_both_orders_of_the_product_agree_to_rounding(form: str, dtype: torch.dtype) -> None:
    attention = matrices.made("linear", form, 200, 16)
    parts = matrices.drawn(attention, 200, 16)
    # By the formula, the weights first; by the fast form, keys and values first.
    expected = matrices.matrix(attention, parts) @ parts["v"][0]
    found = attention.to(dtype).attend(*(part.to(dtype) for part in parts.values()), torch.tensor([200]))[0]
    assert (found - expected).norm() <= 8 * torch.finfo(dtype).eps * expected.norm()


class Planted(torch.nn.Module):
    """A mechanism whose weights are known: `planted [T, T]`, whatever the queries and keys are."""

    def __init__(self, planted: torch.Tensor) -> None:
        super().__init__()
        self.planted = planted

    def reference(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return self.planted @ v


def test_weights_their_rank_and_their_shares_are_those_that_were_planted() -> None:
    # Position t looks at position t - 10 alone and takes 3 of it, from the tenth on; of odd ones it takes nothing.
    planted = 3 * torch.eye(30, dtype=torch.float64).roll(10, 0).tril()
    planted[1::2] = 0
    parts = {part: torch.randn(1, 1, 30, 4, dtype=torch.float64) for part in "qkv"}
    found = matrices.matrix(Planted(planted), parts)[0]
    assert torch.equal(found, planted)
    # Queries 15 to 24 look into the earlier half: the even ones, 16 to 24.
    assert matrices.rank(found) == 5
    shares = matrices.share(found[10::2] - 1, torch.arange(0, 20, 2))
    torch.testing.assert_close(shares, torch.full((10,), 2 / 31, dtype=torch.float64))


@pytest.mark.parametrize(("name", "form"), matrices.CASES)
def test_the_output_is_the_weights_times_the_values_or_clearly_not(name: str, form: str) -> None:
    distance, _ = matrices.past(name, form)
    assert distance < EXACT or distance > 1e-2


@pytest.mark.parametrize(("name", "form"), matrices.CASES)
def test_the_cost_is_linear_exactly_where_the_past_fits_in_a_constant_rank(name: str, form: str) -> None:
    _, ranks = matrices.past(name, form)
    exponent = costs.degree(costs.stated(name)["operations"], "T")
    if exponent == pytest.approx(1):
        assert ranks[0] == pytest.approx(ranks[1], abs=1)
    else:
        # All that the block can have: half of the positions.
        assert ranks == (matrices.LENGTH // 4, matrices.LENGTH // 2)


@pytest.mark.parametrize("form", ["causal", "bidirectional"])
def test_the_past_of_linrec_is_as_many_numbers_a_value_as_a_head_has_features(form: str) -> None:
    assert matrices.past("linear", form)[1] == (matrices.SIZE, matrices.SIZE)


def test_softmax_lets_each_query_choose_its_key_and_linrec_does_not() -> None:
    softmax, linrec = (matrices.properties(name, "causal") for name in ("softmax", "linear"))
    assert softmax.chosen > 0.9
    assert linrec.chosen < 0.1


def test_softmax_averages_and_linrec_does_not() -> None:
    softmax, linrec = (matrices.properties(name, "causal") for name in ("softmax", "linear"))
    assert softmax.negative == 0
    assert softmax.row_sum == pytest.approx((1, 0), abs=EXACT)
    assert linrec.negative > 0.3
    assert abs(linrec.row_sum[0] - 1) > 0.5


def test_linrec_can_put_its_weight_on_a_key_that_is_long_whatever_is_asked() -> None:
    assert matrices.properties("linear", "causal").loud > 0.9
