"""What is known of phases is what their files say."""

import pytest

from linrec_cli import catalog
from linrec_cli.analysis import phases


def test_every_phase_of_the_folder_has_a_title_and_a_place():
    assert {*phases.ordered()} == {*catalog.names("phases")}
    for phase in phases.ordered():
        title = phases.title(phase, "sasrec")
        assert title != phase
        assert "{" not in title


def test_a_whole_comes_before_its_parts():
    order = phases.ordered()
    assert phases.wholes()
    for part, whole in phases.wholes().items():
        assert order.index(whole) < order.index(part)


@pytest.mark.parametrize("ask", [phases.with_ways, phases.without_slopes])
def test_some_phases_are_special_and_not_all(ask):
    assert 0 < len(ask()) < len(phases.ordered())


def test_a_phase_that_is_no_longer_there_is_called_by_its_name():
    assert phases.title("gone", None) == "gone"
    assert phases.left_out("gone") == ()
