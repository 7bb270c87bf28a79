"""Evaluations of several runs are compared without a folder as well."""

import pytest

from linrec_cli import runs
from linrec_cli.errors import UsageError
from linrec_cli.runs.side_by_side import significance
from linrec_cli.settings import Evaluate


@pytest.fixture
def counted(data, quick):
    """Make and evaluate a model that counts, without a folder."""

    def make(model, split="leave-one-out", **how):
        found = runs.train(quick(model=model, attn="auto", split=split), data)
        return runs.evaluate(found, data, Evaluate(k=(5,), **how))

    return make


def test_results_are_compared_under_the_names_they_are_given(counted):
    first, other = counted("popular"), counted("markov")
    found = significance({"a": first, "b": other, "c": first})
    assert [(one.base, one.new, one.metric) for one in found] == [
        ("a", new, metric) for new in ("b", "c") for metric in ("ndcg", "recall")
    ]
    assert all(one.difference > 0 and one.users == 60 for one in found[:2])
    assert all((one.difference, one.p_t) == (0.0, 1.0) for one in found[2:])


@pytest.mark.parametrize("how", [{"seen": "remove"}, {"stage": "valid"}, {"split": "ratio"}])
def test_another_way_to_rank_is_refused(counted, how):
    name = next(iter(how))
    with pytest.raises(UsageError, match=f"a and b cannot be compared by user: another {name} "):
        # Golds of the ring repeat: what is seen is ranked unless it is said otherwise.
        significance({"a": counted("popular"), "b": counted("markov", **how)})
