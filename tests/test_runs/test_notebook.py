"""The example of docs/notebook.md is run as it stands there."""

import re
import sys
from pathlib import Path

from matplotlib.figure import Figure

from linrec_cli.results import schema

PAGE = Path(__file__).parents[2] / "docs" / "notebook.md"
WHOLE = ("run", "command", "created", "device", "dtype", "threads", "seed", "torch", "linrec", "benchmark", "attention")


def test_the_example_of_the_docs_runs_and_leaves_no_file(here, really, file, capsys):
    file.rename(here / "events.csv")
    # Children run the script again that started their parent; a notebook has none.
    vars(sys.modules["__main__"]).pop("__file__", None)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len([line for line in code.splitlines() if line]) < 15
    made = {}
    exec(compile(code, str(PAGE), "exec"), made)
    trained, profiled = made["trained"].rows, made["profiled"]
    for rows in (trained, profiled):
        assert rows.schema == schema.COLUMNS
    assert trained.select(WHOLE).null_count().sum_horizontal().item() == 0
    timed = profiled.filter(metric="seconds")
    assert timed.select(WHOLE).null_count().sum_horizontal().item() == 0
    assert sorted(timed.select("attention", "maxlen", "status").iter_rows()) == [
        (attn, maxlen, "ok") for attn in ("linear", "softmax") for maxlen in (64, 128)
    ]
    assert "ndcg" in capsys.readouterr().out
    assert len(made["figures"]) == 2
    assert all(isinstance(figure, Figure) for figure in made["figures"])
    assert [path.name for path in here.iterdir()] == ["events.csv"]
