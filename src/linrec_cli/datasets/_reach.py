"""What Recall can be reached on the last event of a synthetic history: finite sums, nothing sampled.

The last event sits in slot m, m uniform from ceil(lag/2) to lag. Of the m - 1 slots before it N hold noise, N
being binomial. The event is the answer to cue m with probability `signal`, else one of the noise items not
seen yet.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def best(lag: int, noise: int, signal: float, k: int) -> float:
    """Compute the Recall@k of who knows the pairs: the answer to cue m first, then unseen noise."""
    total = [chances @ (np.minimum(k - 1, noise - n) / (noise - n)) for _, n, chances in cases(lag, signal)]
    return signal + (1 - signal) * float(np.mean(total))


def blind(lag: int, cues: int, noise: int, signal: float, k: int, window: int) -> float:
    """Bound the Recall@k of who sees the last `window` events only, with `window` < `lag`, so never cue m.

    Knowing the pairs, m, and which items were seen (an evaluation that removes them tells that much), what is
    left is to guess among answers neither seen nor due to a visible later cue, and among unseen noise.
    """
    total = []
    for m, n, chances in cases(lag, signal):
        # The window starts at event lag + m - window, so the cues from there to the lag-th are in it.
        visible = max(0, min(lag, window - m + 1))
        answers = cues - (m - 1 - n) - visible
        total.append(chances @ guess(answers, signal, noise - n, 1 - signal, k))
    return float(np.mean(total))


def guess(many: NDArray[np.int64], share: float, others: NDArray[np.int64], other_share: float, k: int) -> Floats:
    """Compute the chance that k guesses hit, among two sorts of items, the better sort first."""
    return np.maximum(spend(many, share, others, other_share, k), spend(others, other_share, many, share, k))


def spend(many: NDArray[np.int64], share: float, others: NDArray[np.int64], other_share: float, k: int) -> Floats:
    """Spend the guesses on the first sort and what is left of them on the other."""
    rest = np.minimum(np.maximum(k - many, 0), others)
    chance: Floats = np.minimum(k, many) / many * share + rest / others * other_share
    return chance


def cases(lag: int, signal: float) -> Iterator[tuple[int, NDArray[np.int64], Floats]]:
    """Go through m; give each N and its chance."""
    # In logarithms, or the factorials of a long lag overflow.
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, lag + 1)))])
    for m in range((lag + 1) // 2, lag + 1):
        n = np.arange(m)
        ways = factorial[m - 1] - factorial[n] - factorial[m - 1 - n]
        yield m, n, np.exp(ways + n * np.log(1 - signal) + (m - 1 - n) * np.log(signal))
