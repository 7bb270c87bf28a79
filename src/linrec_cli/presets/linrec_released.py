"""LinRec as its authors released it: RecBole's regime with the released layer, on all of MovieLens-1M.

Source: Liu et al. 2023 (LinRec, SIGIR), arXiv:2411.01537, released code and its settings.
"""

SETTINGS = {
    "data": "ml-1m",
    "min_user": 0,
    "min_item": 0,
    "model": "linrec",
    "attn": "linear-released:pad=included",
    "objective": "last",
    "seen_items": "rank",
    "maxlen": 200,
    "width": 128,
    "layers": 2,
    "heads": 8,
    "dropout": 0.2,
    "lr": 0.001,
    "weight_decay": 0.0,
    # 2,048 samples of 200 positions.
    "tokens": 409_600,
    "patience": 10,
    "epochs": 100,
    "seed": 2000,
}
