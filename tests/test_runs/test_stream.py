"""A stream answers as the model would that reads the newest events anew, at the same cost after any history."""

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.errors import LinrecError, UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.runs.recommend import Served, recommend
from linrec_cli.runs.result import Result
from linrec_cli.runs.stream import Stream
from linrec_cli.training import fit

READ = {
    1: [1] * 20,
    2: [1] + [2] * 19,
    5: [1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4, 5],
    6: [1, 2, 3, 4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5],
}
"""How many events each answer is from, by hand, for a few numbers of positions."""


@pytest.fixture
def served(data, quick):
    """Make a model with weights as they begin."""

    def made(maxlen, seen="rank", **how):
        settings = quick(maxlen=maxlen, **how)
        torch.manual_seed(0)
        model = fit.build(settings, Facts(30))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.3 * torch.randn_like(parameter)
        return Served(Result(settings, None, None, None, model.eval()), data, seen)

    return made


def events(count, seed=0):
    return [f"i{n}" for n in torch.randint(30, (count,), generator=torch.Generator().manual_seed(seed)).tolist()]


def assert_recommended(answer, served, history, k):
    made = recommend(served, k, histories=[history])
    assert answer.scores == pytest.approx(made["score"].to_list(), abs=1e-4)
    assert answer.items == made["item"].to_list()


@pytest.mark.parametrize("attn", ["linear", "softmax"])
@pytest.mark.parametrize("maxlen", READ)
def test_every_answer_is_the_models_own_of_the_newest_events(served, maxlen, attn):
    one, history = served(maxlen, attn=attn), events(20)
    answers = Stream(one, 4).answers(f"new {item}\n" for item in history)
    for end, (answer, count) in enumerate(zip(answers, READ[maxlen], strict=True), 1):
        assert (answer.line, answer.user, answer.error) == (end, "new", "")
        assert_recommended(answer, one, history[end - count : end], 4)


def test_users_do_not_disturb_each_other(served):
    one, (mine, yours) = served(4, attn="softmax"), (events(7), events(7, 1))
    lines = [f"{user}\t{item}" for pair in zip(mine, yours, strict=True) for user, item in zip("ab", pair, strict=True)]
    *_, before, last = Stream(one, 3).answers(lines)
    assert_recommended(before, one, mine[-3:], 3)
    assert_recommended(last, one, yours[-3:], 3)


@pytest.mark.parametrize("maxlen", [1, 3, 4, 5, 7, 24, 25, 26])
def test_a_known_user_begins_where_the_events_of_the_data_lead(served, maxlen):
    one = served(maxlen, seen="remove")
    raw = dict(one.data.prepared.items.select("item", "raw").rows())
    history = [raw[item] for item in one.data.prepared.events.filter(user=3)["item"]]
    known = one.data.prepared.users["raw"][2]
    stream, more = Stream(one, 30), events(9, 2)
    *_, _ = stream.answers(f"new {item}" for item in history)
    # What is not known is answered from the data's own events.
    for item in ("i33", *more):
        (mine,), (other,) = stream.answers([f"{known} {item}"]), stream.answers([f"new {item}"])
        assert mine.items == other.items
        assert mine.scores == pytest.approx(other.scores, abs=1e-5)
        assert 0 < len(mine.items) < 30


def test_items_of_the_whole_history_are_left_out_unless_they_are_ranked(served):
    history = [f"i{n}" for n in range(27)]
    for seen, left in (("remove", {"i27", "i28", "i29"}), ("rank", {f"i{n}" for n in range(30)})):
        *_, last = Stream(served(4, seen=seen), 30).answers(f"new {item}" for item in history)
        assert set(last.items) == left
        assert last.scores == sorted(last.scores, reverse=True)


def test_more_than_there_are_is_all_of_them(served):
    (answer,) = Stream(served(4), 99).answers(["new i3"])
    assert sorted(answer.items) == sorted(f"i{n}" for n in range(30))


def test_scores_that_are_no_numbers_are_not_answered(served):
    one = served(4)
    with torch.no_grad():
        one.found.model.items.weight[7] = torch.nan
    with pytest.raises(LinrecError, match="not finite"):
        list(Stream(one, 3).answers(["new i3"]))


def test_what_is_not_known_is_told_and_changes_nothing(served):
    one, history = served(6), events(3)
    stream = Stream(one, 3)
    wrong = ["alone", "a b c", "", "\ti3", "new\t"]
    asked = [f"new {history[0]}", "new i33", "other i33", *wrong, f"new {history[1]}\r\n"]
    first, unknown, stranger, *malformed, last = stream.answers(asked)
    assert unknown.error == "no item 'i33' in the data of the run; did you mean i3? it knows 30 of them."
    assert (unknown.line, unknown.items, unknown.scores) == (2, first.items, first.scores)
    assert (stranger.user, stranger.items) == ("other", [])
    assert [one.error for one in malformed] == [f"'{text.strip()}' is not a user and an item" for text in wrong]
    assert last.error == ""
    assert_recommended(last, one, history[:2], 3)
    assert list(stream.users) == ["new"]


def test_an_id_may_hold_blanks_where_a_tab_parts(served):
    (answer,) = Stream(served(6)).answers(["Ada L. \t i3 \n"])
    assert (answer.user, answer.error) == ("Ada L.", "")


def test_a_line_is_answered_before_the_next_is_read(served):
    read = []

    def lines():
        for item in events(3):
            read.append(item)
            yield f"new {item}"

    for count, _ in enumerate(Stream(served(6)).answers(lines()), 1):
        assert len(read) == count


@pytest.mark.parametrize("attn", ["linear", "softmax"])
def test_no_event_costs_more_steps_or_memory_than_another(served, attn, monkeypatch):
    stream, steps = Stream(served(6, attn=attn)), []
    step = stream.model.step
    monkeypatch.setattr(stream.model, "step", lambda items, state: steps.append(1) or step(items, state))
    sizes = set()
    for _ in stream.answers(f"new {item}" for item in events(20)):
        assert len(steps) <= 2
        steps.clear()
        sizes.add(stream.size())
    assert len(sizes) == 1
    # Two states of one layer: 8 x 8 as heads of 4 x 4, 2 x 4 and a count; or keys and values of 6 events.
    numbers = 2 * (2 * 16 + 8 + 1) if attn == "linear" else 2 * 2 * 6 * 8
    assert sizes == {4 * (numbers + 8)}


def test_what_cannot_be_streamed_is_one_line(served, monkeypatch):
    with pytest.raises(UsageError, match=r"model 'bert4rec' cannot read events one by one; .* can: .*sasrec"):
        Stream(served(6, model="bert4rec", objective="cloze"))
    monkeypatch.delattr(catalog.load("attentions", "linear").Attention, "step")
    with pytest.raises(
        UsageError, match=r"mechanism 'linear' keeps no state .*; those that do: .*elu.*softmax"
    ) as told:
        Stream(served(6))
    assert not {"linear,", "linformer,"} & set(str(told.value).split(": ")[1].split())
