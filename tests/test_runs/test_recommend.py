"""What a run recommends is what its model scores highest, in the user's own ids."""

import polars as pl
import pytest

from linrec_cli import runs
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError, UsageError
from linrec_cli.evaluation import ranks, top
from linrec_cli.runs import recommend as module


@pytest.fixture
def run(here, kept, quick):
    """A run in its folder."""
    folder = here / "results" / "runs" / "mine"
    runs.train(quick(), kept, folder)
    return folder


def best(served, history, k, seen):
    """Score a history by itself and sort: the plain way."""
    import torch

    raw = served.data.prepared.items["raw"].to_list()
    items = torch.tensor([raw.index(item) + 1 for item in history])
    alone = Sequences(items, torch.tensor([0, len(items)]), len(raw), torch.tensor([1]))
    length = torch.tensor([min(len(items), 20)])
    batch = ranks.read(alone, len(items) - length, length, 20)
    with torch.inference_mode():
        scores = served.found.model.eval().scores(served.found.model.query(batch))[0].tolist()
    left = [(score, item) for score, item in zip(scores, raw, strict=True) if seen == "rank" or item not in history]
    return sorted(left, reverse=True)[:k]


@pytest.mark.parametrize("seen", ["remove", "rank"])
def test_each_history_gets_what_its_model_scores_highest(run, monkeypatch, seen):
    monkeypatch.setattr(top, "TOKENS", {"cpu": 60})
    monkeypatch.setattr(top, "SCORES", {"cpu": 45})
    served = module.opened(run, seen)
    histories = [["i3"], ["i1", "i4", "i5", "i4"], [f"i{n % 30}" for n in range(45)][:28]]
    made = module.recommend(served, 5, histories=histories)
    for number, history in enumerate(histories, 1):
        mine, wanted = made.filter(history=number), best(served, history, 5, seen)
        assert mine["score"].to_list() == pytest.approx([score for score, _ in wanted], abs=1e-5)
        assert mine["item"].to_list() == [item for _, item in wanted]
        assert mine["rank"].to_list() == list(range(1, len(wanted) + 1))


def test_users_are_read_with_their_times_where_the_model_reads_them(here, kept, quick):
    folder = here / "results/runs/timed"
    runs.train(quick(model="hstu:time=true", attn="", objective="next"), kept, folder)
    served = module.opened(folder)
    users, frame = served.data.prepared.users["raw"].to_list(), served.data.prepared.events
    sequences, _ = module.asked(served, [users[4], users[1]], None)
    for place, user in enumerate((5, 2)):
        own = slice(*sequences.offsets[place : place + 2].tolist())
        assert sequences.times[own].tolist() == frame.filter(user=user)["time"].to_list()
        assert sequences.flat[own].tolist() == frame.filter(user=user)["item"].to_list()
    assert len(module.recommend(served, 4, users=[users[4]])) == 4
    # Nobody can say when the events of a history of one's own were.
    with pytest.raises(DataError, match="reads times"):
        module.recommend(served, histories=[["i3"]])


def test_a_time_aware_model_recommends_to_nobody_because_the_time_is_not_known(here, kept, quick):
    folder = here / "results/runs/aware"
    found = runs.train(quick(model="hstu:time=true:time_aware=true", attn="", objective="next"), kept, folder)
    assert found.rows["time_aware"].all()
    served = module.opened(folder)
    with pytest.raises(DataError, match="nobody knows yet"):
        module.recommend(served, 4, users=[served.data.prepared.users["raw"][4]])


def test_a_user_is_recommended_to_after_all_that_they_had(run):
    served = module.opened(run)
    users = served.data.prepared.users["raw"].to_list()
    frame = served.data.prepared.events
    raw = dict(served.data.prepared.items.select("item", "raw").rows())
    history = [raw[item] for item in frame.filter(user=3)["item"]]
    one = module.recommend(served, 4, users=[users[2]])
    assert one["history"].unique().to_list() == [users[2]]
    assert one["item"].to_list() == module.recommend(served, 4, histories=[history])["item"].to_list()
    everybody = module.recommend(served, 4)
    assert everybody["history"].unique(maintain_order=True).to_list() == users
    assert everybody.filter(history=users[2])["item"].to_list() == one["item"].to_list()
    assert everybody.height == 4 * 60


def test_items_of_the_history_are_left_out_as_the_data_want_it_or_as_the_run_was_asked(run, here, kept, quick):
    # On the ring golds repeat.
    assert module.opened(run).seen == "rank"
    runs.train(quick(seen_items="remove"), kept, here / "other")
    assert module.opened(here / "other").seen == "remove"
    served = module.opened(run, "remove")
    history = [f"i{n}" for n in range(27)]
    made = module.recommend(served, 10, histories=[history])
    assert sorted(made["item"]) == ["i27", "i28", "i29"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # Whether it begins with a header, its ids tell.
        ("007\n7\n08\n", ["007", "7", "08"]),
        ("who\n007\n\n08\n", ["007", "08"]),
        ("user\n007\n", ["007"]),
        ("name,user_id\nx,007\n", ["007"]),
    ],
)
def test_users_of_a_file_are_its_ids_letter_for_letter(here, text, found):
    (here / "users.csv").write_text(text)
    assert module.users_of(here / "users.csv", pl.Series(["007", "7", "08", "user"])) == found


def test_what_is_not_known_is_named_with_the_closest(run):
    served = module.opened(run)
    with pytest.raises(UsageError, match="no item 'i33' in the data of the run; did you mean i3"):
        module.recommend(served, histories=[["i33"]])
    with pytest.raises(UsageError, match=r"no item 'caf\\udce9' in the data of the run"):
        module.recommend(served, 10, histories=[["caf\udce9"]])
    with pytest.raises(UsageError, match=r"no user 'w1'.* it knows 60 of them"):
        module.recommend(served, users=["w1"])
    with pytest.raises(DataError, match="a history is empty"):
        module.recommend(served, histories=[[]])


@pytest.mark.parametrize("name", ["users.parquet", "users.pq", "USERS.PQ"])
def test_users_of_parquet_are_read_whatever_its_name_ends_in(here, name):
    pl.DataFrame({"user": ["u1", "u2"]}).write_parquet(here / name)
    assert module.users_of(here / name) == ["u1", "u2"]


@pytest.mark.parametrize("name", ["users[1].csv", "u*.csv"])
def test_the_name_of_a_file_of_users_is_no_pattern(here, name):
    (here / "users1.csv").write_text("user\nu9\n")
    (here / name).write_text("user\nu1\nu2\n")
    assert module.users_of(here / name) == ["u1", "u2"]
