"""The best linear recommender that was found here on MovieLens-1M; it takes most of an hour on one core."""

SETTINGS = {"attn": "linear-gated", "width": 128, "layers": 3, "heads": 4, "dropout": 0.3}
