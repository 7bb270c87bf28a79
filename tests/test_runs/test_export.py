"""What is exported scores as the run does, says what it is, and is there whole or not at all."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from linrec_cli import runs
from linrec_cli.data.batch import Batch
from linrec_cli.errors import DataError, UsageError
from linrec_cli.runs import graph
from linrec_cli.runs.export import described, export
from linrec_cli.runs.recommend import Served
from linrec_cli.training import checkpoint


@pytest.fixture
def run(here, kept, quick):
    """A run in its folder."""
    folder = here / "results" / "runs" / "mine"
    return folder, runs.train(quick(attn="softmax"), kept, folder), kept


def test_the_program_scores_raw_histories_as_the_run_does(run, here):
    folder, found, kept = run
    card = export(folder, here / "out")
    assert card == json.loads((here / "out/card.json").read_text())
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        "card.json", "items.parquet", "model.pt2", "weights.safetensors",
    ]  # fmt: skip
    numbers = {item: number for number, item, _ in pl.read_parquet(here / "out/items.parquet").rows()}
    program = torch.export.load(here / "out/model.pt2").module()
    histories = [["i3"], ["i1", "i4", "i5", "i4"], [f"i{n % 30}" for n in range(20)]]
    # One by one, all together, and with more padding than is needed.
    for rows, width in ((histories[:1], 1), (histories[2:], 20), (histories, 20), (histories[:2], 7)):
        items = torch.tensor([[numbers[item] for item in row] + [0] * (width - len(row)) for row in rows])
        scores = program(items, torch.tensor([len(row) for row in rows]))
        for row, mine in zip(rows, scores, strict=True):
            ordered = kept.prepared.items["raw"].to_list()
            whole = torch.tensor([[ordered.index(item) + 1 for item in row]])
            with torch.no_grad():
                hidden = found.model.eval().encode(Batch(whole, torch.tensor([len(row)])))[0, -1]
            torch.testing.assert_close(mine, found.model.items.weight[1:] @ hidden, rtol=0, atol=1e-4)
    assert card["graph"]["inputs"]["items"] == {"shape": ["B", "T"], "dtype": "int64"}
    assert card["graph"]["outputs"]["scores"] == {"shape": ["B", 30], "dtype": "float32"}
    assert card["graph"]["limits"] == "B and T are free, 1 <= T <= 20."
    assert (card["graph"]["checked_histories"], card["graph"]["max_abs_difference"] <= 1e-4) == (34, True)


def test_the_card_says_what_the_run_was(run, here):
    folder, found, kept = run
    card = export(folder, here / "out", "safetensors")
    assert "graph" not in card
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        "card.json", "items.parquet", "weights.safetensors",
    ]  # fmt: skip
    assert (card["run"], card["model"], card["attn"], card["maxlen"]) == ("mine", "sasrec", "softmax", 20)
    assert card["data"] == {"name": "ring", "digest": kept.prepared.digest, "items": 30}
    (ndcg,) = found.rows.filter(stage="test", metric="ndcg", k=10)["value"]
    assert card["metrics"]["test"]["ndcg@10"] == ndcg
    assert card["metrics"].keys() == {"test", "valid"}
    assert (card["torch"], card["settings"]["lr"]) == (torch.__version__, found.settings.lr)
    assert None not in card["settings"].values()
    # On the ring golds repeat.
    assert card["items_of_the_history"] == "ranked"
    assert described(Served(found, kept, "remove"), folder)["items_of_the_history"] == "left out"
    weights = load_file(here / "out/weights.safetensors")
    assert weights.keys() == found.model.state_dict().keys()
    assert all(torch.equal(value, found.model.state_dict()[name]) for name, value in weights.items())
    assert card["weights_digest"] == checkpoint.digest(weights)
    items = pl.read_parquet(here / "out/items.parquet")
    assert items.columns == ["number", "item", "title"]
    assert items["number"].to_list() == list(range(1, 31))
    assert items["item"].to_list() == kept.prepared.items["raw"].to_list()


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(run, here):
    folder, _, _ = run
    (here / "out").mkdir()
    export(folder, here / "out", "safetensors")
    (here / "out/card.json").write_text("{}")
    (here / "out/model.onnx").touch()
    export(folder, here / "out", "safetensors")
    assert json.loads((here / "out/card.json").read_text())["run"] == "mine"
    assert not (here / "out/model.onnx").exists()
    (here / "out/thesis.tex").write_text("precious")
    for other in (here / "out", folder, folder / "settings.toml"):
        with pytest.raises(UsageError, match="holds something that is no export"):
            export(folder, other, "safetensors")
    assert (here / "out/thesis.tex").read_text() == "precious"


def test_a_folder_that_only_looks_like_an_export_is_left_alone(run, here):
    folder, _, _ = run
    (here / "models").mkdir()
    (here / "models/weights.safetensors").write_text("precious")
    with pytest.raises(UsageError, match="holds something that is no export"):
        export(folder, here / "models", "safetensors")
    assert (here / "models/weights.safetensors").read_text() == "precious"


def test_an_export_goes_where_a_link_leads(run, here):
    folder, _, _ = run
    (here / "far").mkdir()
    (here / "near").symlink_to("far")
    export(folder, here / "near", "safetensors")
    assert (here / "near").is_symlink()
    assert (here / "far/card.json").is_file()
    assert not [path for path in here.iterdir() if path.name.endswith(".part")]


def test_where_one_stands_is_not_put_away(run, here, monkeypatch):
    folder, _, _ = run
    (here / "out").mkdir()
    monkeypatch.chdir(here / "out")
    for name in (".", "../out"):
        with pytest.raises(UsageError, match="is where you are; name a folder in it"):
            export(folder, Path(name), "safetensors", data_dir=here / "datasets")
    export(folder, Path("mine"), "safetensors", data_dir=here / "datasets")


def test_a_graph_that_scores_otherwise_leaves_nothing_behind(run, here, monkeypatch):
    folder, _, _ = run
    monkeypatch.setattr(graph, "traced", lambda model, maxlen: (model, False))
    monkeypatch.setattr(graph, "saved", lambda model, path: lambda items, lengths: torch.zeros(len(items), 30))
    with pytest.raises(DataError, match=r"scores are .* from the run's, 1e-04 at most; nothing is written"):
        export(folder, here / "out")
    assert not [path for path in here.iterdir() if "out" in path.name]


def test_what_there_is_not_is_one_line(run, here, monkeypatch):
    folder, _, _ = run
    with pytest.raises(UsageError, match="no format 'pickle'; known: torch, onnx, safetensors"):
        export(folder, here / "out", "pickle")
    monkeypatch.setattr(graph.importlib.util, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(UsageError, match="ONNX needs onnxscript; pip install onnxscript, or give --format torch"):
        export(folder, here / "out", "onnx")
