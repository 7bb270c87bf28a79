"""The real cells: the layer, the model and the ways to serve run, and leave what they should."""

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.errors import UsageError
from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import cells
from linrec_cli.profiling.operators import tally
from linrec_cli.settings import Profile

FORMS = {name: catalog.load("attentions", name).FORMS for name in catalog.names("attentions")}
CAUSAL = [name for name, forms in FORMS.items() if "causal" in forms]
CLASSES = {name: catalog.load("attentions", name).Attention for name in FORMS}
WAYS = {
    name: ["recurrence"] * hasattr(made, "step") + ["cache"] * (name in CAUSAL and hasattr(made, "append"))
    for name, made in CLASSES.items()
}
SPANS = {"attention": ["forward", "backward"], "forward": ["forward", "backward"]}


def one(attn, phase, dtype="float32", **more):
    sizes = {"maxlen": (8,), "tokens": 32, "width": (8,), "items": 11}
    return next(cells(Profile(attn=(attn,), phase=(phase,), dtype=(dtype,), **sizes | more)))[0]


def twice(work):
    for _ in range(2):
        work.tiny()
        work.bare()
        for span in work.spans.values():
            span()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("phase", ["attention", "encoder", "step", "evaluate"])
@pytest.mark.parametrize("attn", CAUSAL)
def test_every_causal_mechanism_can_be_built_and_run_twice(attn, phase, dtype):
    work = build(one(attn, phase, dtype))
    assert list(work.spans) == SPANS.get(phase, [phase])
    twice(work)
    # Nothing that runs is without a rule to count it.
    assert sum(tally(span).operations for span in work.spans.values()) > 0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("attn", FORMS)
def test_every_mechanism_can_serve_and_has_a_recurrence_or_a_cache_where_it_writes_one(attn, dtype):
    work = build(one(attn, "serve", dtype))
    assert list(work.spans) == [*WAYS[attn], "recomputation"]
    assert list(work.state) == WAYS[attn]
    twice(work)
    for span in work.spans.values():
        assert span().shape == (4, 8)
        assert tally(span).saved_bytes == 0


@pytest.mark.parametrize("attn", [name for name, ways in WAYS.items() if ways])
def test_both_ways_to_serve_give_the_same_and_again_at_each_run(attn):
    # Short enough for the state to hold the whole history.
    kept, recomputation = build(one(attn, "serve")).spans.values()
    for _ in range(3):
        torch.testing.assert_close(kept(), recomputation(), atol=1e-4, rtol=1e-4)


def test_a_cache_keeps_a_key_and_a_value_an_event_and_a_state_is_as_large_at_any_length():
    cache, state = (
        [build(one(attn, "serve", maxlen=(length,))).state[way] for length in (16, 64)]
        for attn, way in (("softmax", "cache"), ("linear", "recurrence"))
    )
    # Width 8, float32.
    assert cache == [2 * 8 * 4 * length for length in (16, 64)]
    assert state[0] == state[1] > 0


@pytest.mark.parametrize("attn", [name for name in FORMS if name not in CAUSAL])
def test_what_has_no_causal_form_runs_in_its_other_one_and_not_in_a_causal_model(attn):
    for phase in ("attention", "forward", "backward"):
        cell = one(attn, phase)
        assert cell.labels["form"] == "bidirectional"
        twice(build(cell))
    for phase in ("encoder", "step", "evaluate"):
        with pytest.raises(UsageError, match="has no causal form"):
            build(one(attn, phase))


def test_the_layer_keeps_what_its_forward_pass_made_and_no_more():
    # Queries, keys and values together, the heads' output, and of each row of each head a logarithm.
    forward, backward = build(one("softmax", "attention", heads=(2,))).spans.values()
    tokens, numbers = 32, 3 * 8 + 8 + 2
    assert tally(forward).saved_bytes == 4 * tokens * numbers
    assert tally(backward).saved_bytes == 0


def test_what_is_kept_is_the_same_at_every_run():
    counts = {tally(build(one("linear", phase)).spans[phase]) for phase in ("step",) for _ in range(3)}
    assert len(counts) == 1


def test_the_encoder_does_less_than_the_step_and_more_than_one_layer():
    spans = {phase: build(one("linear", phase)).spans for phase in ("attention", "encoder", "step")}
    layer, encoder, step = (sum(tally(span).operations for span in own.values()) for own in spans.values())
    assert 2 * layer < encoder < step
