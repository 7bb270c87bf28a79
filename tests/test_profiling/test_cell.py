"""Which cells a profile has, and what each says of itself."""

import pytest

from linrec_cli.profiling.cell import cells
from linrec_cli.settings import Profile


def listed(**more):
    return [cell for group in cells(Profile(**more)) for cell in group]


def test_a_batch_holds_as_many_sequences_as_the_tokens_fill_and_at_least_one():
    found = listed(maxlen=(8, 12, 64), tokens=32, phase=("step",), attn=("linear",))
    assert [cell.batch for cell in found] == [4, 2, 1]
    # One sequence of 64 is more than was asked for.
    assert [cell.labels["tokens"] for cell in found] == [32, 32, 64]


def test_a_fixed_batch_has_as_many_sequences_at_every_length_and_its_tokens_say_so():
    found = listed(maxlen=(8, 12), tokens=0, batch=3, attn=("linear",))
    assert {cell.batch for cell in found} == {3}
    assert {(cell.maxlen, cell.labels["tokens"]) for cell in found} == {(8, 24), (12, 36)}


def test_mechanisms_that_take_turns_share_all_but_their_name():
    sizes = {"width": (8, 16), "heads": (1, 2), "dtype": ("float32", "bfloat16"), "maxlen": (8, 16)}
    groups = list(cells(Profile(**sizes)))
    assert len(groups) == 2 * 2**4
    for group in groups:
        assert [cell.attn for cell in group] == ["softmax", "linear"]
        assert len({(cell.maxlen, cell.phase, cell.width, cell.heads, cell.dtype) for cell in group}) == 1
    assert len({(g[0].maxlen, g[0].phase, g[0].width, g[0].heads, g[0].dtype) for g in groups}) == len(groups)


@pytest.mark.parametrize(
    ("asked", "needed"),
    [
        (("forward",), ["forward"]),
        (("backward", "step"), ["backward", "step"]),
        # Both parts are the whole, and are measured once.
        (("forward", "backward"), ["attention"]),
        (("step", "attention", "forward", "step"), ["step", "attention"]),
        (("compile", "serve"), ["compile", "serve"]),
    ],
)
def test_parts_of_the_layer_are_measured_with_the_whole(asked, needed):
    assert [cell.phase for cell in listed(phase=asked, maxlen=(8,), attn=("linear",))] == needed


def test_each_model_has_cells_of_its_own_and_the_layer_alone_is_measured_once():
    sizes = {"phase": ("attention", "step"), "maxlen": (8,), "attn": ("softmax", "linear")}
    found = listed(**sizes, model=("sasrec", "sasrec"))
    assert [(cell.phase, cell.labels["model"]) for cell in found] == 2 * [("attention", None)] + 4 * [
        ("step", "sasrec")
    ]


def test_ranking_runs_in_float32_alone():
    found = listed(phase=("evaluate",), maxlen=(8,), attn=("linear",), dtype=("bfloat16",))
    assert [cell.labels["dtype"] for cell in found] == ["float32"]


@pytest.mark.parametrize("phase", ["attention", "forward", "backward", "serve", "compile"])
def test_a_layer_alone_has_no_model_and_the_form_that_there_is(phase):
    causal, other = (cell.labels for cell in listed(attn=("linear", "linformer:rank=4"), phase=(phase,), maxlen=(8,)))
    assert (causal["model"], causal["layers"], causal["form"]) == (None, None, "causal")
    assert (other["attention"], other["options"], other["form"]) == ("linformer", "rank=4", "bidirectional")


@pytest.mark.parametrize("phase", ["encoder", "step", "evaluate"])
def test_a_whole_model_has_its_own_form(phase):
    found = listed(attn=("linear", "linformer"), phase=(phase,), maxlen=(8,))
    assert [(cell.labels["model"], cell.labels["layers"], cell.form) for cell in found] == [("sasrec", 2, "causal")] * 2


def test_a_whole_model_says_how_many_items_it_has_and_a_layer_knows_none():
    assert [cell.labels["setup"] for cell in listed(attn=("linear",), maxlen=(8,), items=50)] == [None, "items 50"]
