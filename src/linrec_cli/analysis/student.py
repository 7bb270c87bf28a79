"""Student's t distribution, from the incomplete beta function as a continued fraction."""

import math

STEPS = 100_000
"""Terms of the fraction at most; some `sqrt(df)` are enough."""
TINY = 1e-300


def two_sided(t: float, df: float) -> float:
    """Give the probability of a value at least as far from 0 as `t` is, either way.

    Source: Abramowitz and Stegun 1964, 26.7.1 and 26.5.8.
    """
    if math.isinf(t):
        return 0.0
    square = t * t
    return beta(df / 2, 0.5, df / (df + square), square / (df + square))


def beta(a: float, b: float, x: float, rest: float) -> float:
    """Compute the regularised incomplete beta function `I_x(a, b)`; `rest` is `1 - x`, which would be rounded."""
    if x <= 0 or rest <= 0:
        return float(x > 0)
    # Beyond its mean the fraction converges slowly, and the other end's fast.
    if x > (a + 1) / (a + b + 2):
        return 1 - beta(b, a, rest, x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    return math.exp(scale) / a / fraction(a, b, x)


def fraction(a: float, b: float, x: float) -> float:
    """Compute `1 + d1/(1 + d2/(1 + ...))` from its front.

    Source: Lentz 1976, Applied Optics 15, with Thompson and Barnett's 1986 guard against a zero.
    """
    value, above, below = 1.0, 1.0, 0.0
    for step in range(1, STEPS):
        half = step // 2
        if step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        below = 1 / (1 + term * below or TINY)
        above = 1 + term / above or TINY
        value *= above * below
        if abs(above * below - 1) < 1e-15:
            break
    return value
