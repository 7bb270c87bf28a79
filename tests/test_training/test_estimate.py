from linrec_cli.data.sequences import Sequences
from linrec_cli.settings import Train
from linrec_cli.training import fit
from linrec_cli.training.batches import plan
from linrec_cli.training.estimate import estimate, parameters


def test_an_estimate_counts_what_an_epoch_will_train(sequences: Sequences) -> None:
    settings = Train(maxlen=20, width=8, layers=1, tokens=100)
    guess = estimate(settings, sequences)
    whole = plan(sequences, 20, 100, 0, 0)
    assert guess.batches == len(whole)
    assert guess.targets == int(whole.length.sum())
    assert guess.seconds > 0


def test_parameters_are_counted_by_hand(sequences: Sequences) -> None:
    settings = Train(attn="linear", maxlen=20, width=8, layers=1, heads=2)
    items, positions, attention, feed_forward, norms = 31 * 8, 20 * 8, 4 * (64 + 8), 2 * (64 + 8), 3 * 16
    assert parameters(fit.build(settings, 30)) == items + positions + attention + feed_forward + norms
