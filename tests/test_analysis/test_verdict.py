"""How a command leaves by its verdicts."""

import pytest

from linrec_cli.analysis import pairs
from linrec_cli.analysis.verdict import Verdict, leave
from linrec_cli.errors import InconclusiveError, NothingMeasuredError, RegressionError


def of(word, base=(1.0,), new=(1.0,), note=""):
    return Verdict(word, dict.fromkeys(pairs.CELL), "time", "s", base, new, note=note)


OK, WORSE, OPEN, GONE = of("ok"), of("regression"), of("inconclusive"), of("inconclusive", new=(), note="not in NEW")
REFUSED, NEWER = of("incomparable", note="another device"), of("incomparable", base=(), note="not in BASE")


@pytest.mark.parametrize("verdicts", [[OK], [OK, OPEN], [OK, GONE], [OPEN], [of("improved"), REFUSED], [OK, NEWER]])
def test_without_a_regression_it_returns_unless_strict_minds(verdicts):
    assert leave(verdicts, strict=False) is None


@pytest.mark.parametrize("strict", [False, True])
def test_a_regression_counts_for_more_than_all_else(strict):
    with pytest.raises(RegressionError, match=r"^2 became worse"):
        leave([WORSE, GONE, REFUSED, WORSE, OK], strict)


@pytest.mark.parametrize("verdicts", [[OPEN], [OK, OPEN], [OK, GONE], [GONE], [GONE, REFUSED]])
def test_strict_minds_what_is_inconclusive_and_what_is_gone(verdicts):
    with pytest.raises(InconclusiveError, match=r"^1 inconclusive"):
        leave(verdicts, strict=True)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("verdicts", "why"),
    [
        ([], "compared: neither side has a number."),
        ([REFUSED, REFUSED], "compared: another device."),
        ([REFUSED, NEWER], "compared; the notes say why."),
    ],
)
def test_where_nothing_could_be_compared_it_says_so(verdicts, why, strict):
    with pytest.raises(NothingMeasuredError, match=why):
        leave(verdicts, strict)


def test_where_all_is_gone_nothing_could_be_compared_either():
    with pytest.raises(NothingMeasuredError, match="not in NEW"):
        leave([GONE], strict=False)


def test_a_side_comes_to_its_median_of_a_quality_to_its_mean():
    cell = dict.fromkeys(pairs.CELL)
    numbers = ((1.0, 2.0, 6.0), (4.0,))
    assert [Verdict("ok", cell, kind, "s", *numbers).sides for kind in ("time", "memory", "quality")] == [
        (2.0, 4.0), (2.0, 4.0), (3.0, 4.0)]  # fmt: skip
    assert Verdict("ok", cell, "quality", "1", (), (4.0,)).sides == (None, 4.0)
