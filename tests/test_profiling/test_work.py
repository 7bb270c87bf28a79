"""The real cells: the layer and the training step run, and leave what they should."""

import pytest

from linrec_cli import catalog
from linrec_cli.profiling.cell import cells
from linrec_cli.profiling.work import build
from linrec_cli.settings import Profile

CAUSAL = [name for name in catalog.names("attentions") if "causal" in catalog.load("attentions", name).FORMS]


def one(attn, phase, **more):
    settings = Profile(attn=(attn,), maxlen=(8,), phase=(phase,), tokens=32, width=8, items=11, **more)
    return next(cells(settings))[0]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("phase", ["attention", "step"])
@pytest.mark.parametrize("attn", CAUSAL)
def test_every_mechanism_can_be_built_and_run_twice(attn, phase, dtype):
    work = build(one(attn, phase, dtype=dtype))
    assert list(work.spans) == {"attention": ["forward", "backward"], "step": ["step"]}[phase]
    for _ in range(2):
        work.tiny()
        work.bare()
        for span in work.spans.values():
            span()


def test_a_batch_holds_as_many_sequences_as_the_tokens_fill_and_at_least_one():
    assert [group[0].batch for group in cells(Profile(maxlen=(8, 12, 64), tokens=32, phase=("step",)))] == [
        4,
        2,
        1,
    ]


def test_mechanisms_that_take_turns_share_length_and_phase():
    for group in cells(Profile(maxlen=(8, 16))):
        assert [cell.attn for cell in group] == ["softmax", "linear"]
        assert len({(cell.maxlen, cell.phase) for cell in group}) == 1


def test_a_layer_alone_has_no_model():
    assert one("linear", "attention").labels["model"] is None
    assert one("linear", "step").labels["model"] == "sasrec"
