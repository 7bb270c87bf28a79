"""A run from settings to its folder, or without one: what the command line calls, and a notebook too.

    from linrec_cli import runs
    from linrec_cli.settings import Evaluate, Profile, Train

    data = runs.prepare(frame)                                  # or a name, or a path
    found = runs.train(Train(attn="linear", maxlen=50), data)   # .rows, .ranks, .history, .model
    runs.evaluate(found, data, Evaluate(protocol="uni100"))
    runs.profile(Profile(attn=("softmax", "linear"), maxlen=(64, 128)))
    for table in runs.sweep(cells, data, results_dir): ...

`watch` hears of what happens meanwhile (`events`). Nothing here prints.
"""

from linrec_cli.runs.data import Dataset, prepare
from linrec_cli.runs.evaluate import evaluate
from linrec_cli.runs.profile import profile
from linrec_cli.runs.result import Result
from linrec_cli.runs.sweep import sweep
from linrec_cli.runs.train import train

__all__ = ["Dataset", "Result", "evaluate", "prepare", "profile", "sweep", "train"]
