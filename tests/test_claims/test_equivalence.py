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


@pytest.mark.parametrize(("name", "form"), matrices.CASES)
def test_the_output_is_the_weights_times_the_values_or_clearly_not(name: str, form: str) -> None:
    distance = matrices.properties(name, form).nonlinearity
    assert distance < EXACT or distance > 1e-2


@pytest.mark.parametrize(("name", "form"), matrices.CASES)
def test_the_cost_is_linear_exactly_where_the_past_fits_in_a_constant_rank(name: str, form: str) -> None:
    found = matrices.properties(name, form)
    exponent = costs.degree(costs.stated(name)["operations"], "T")
    if exponent == pytest.approx(1):
        assert found.ranks[0] == pytest.approx(found.ranks[1], abs=1)
    else:
        # All that the block can have: half of the positions.
        assert found.ranks == (matrices.LENGTH // 4, matrices.LENGTH // 2)


@pytest.mark.parametrize(("name", "form"), matrices.CASES)
def test_no_more_queries_find_a_key_of_their_own_than_the_rank_allows(name: str, form: str) -> None:
    # With rows of absolute sum 1 the aimed-at weights are at most the sum of the singular values, and that is at most
    # sqrt(rank) times the Frobenius norm, which is at most sqrt(rows).
    found = matrices.properties(name, form)
    assert found.chosen <= (found.aimed_rank / (matrices.LENGTH // 2)) ** 0.5


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
