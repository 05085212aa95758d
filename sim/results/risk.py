"""A position is as risky as its currency may move before somebody can close it.

Positions are signed (long positive) and worth so much in the home currency; losses come back positive. `level` is the
probability that the loss is no larger than the value at risk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

#: Share of the overall position that banks hold as capital under the Basel shorthand method.
CAPITAL_SHARE: Final = 0.08


class Losses(NamedTuple):
    """Value at risk, and the mean loss of the cases beyond it."""

    value_at_risk: Floats
    expected_shortfall: Floats


class PartPayment(NamedTuple):
    """FX result of an obligation of which a part is paid; gains positive."""

    realised: float
    unrealised: float
    total: float


def overall_position(positions: Iterable[float], gold: float = 0.0) -> float:
    """Overall net open position by the shorthand method: max(Σ long, |Σ short|) + |gold|.

    `positions` are net positions by currency, in one currency (Basel Committee, MAR 40; ADGM PRU A4).
    """
    net = list(positions)
    longs, shorts = sum(p for p in net if p > 0), -sum(p for p in net if p < 0)
    return max(longs, shorts) + abs(gold)


def capital_charge(overall: float, share: float = CAPITAL_SHARE) -> float:
    """Capital that an overall net open position needs."""
    return share * overall


def lognormal_losses(position: ArrayLike, volatility: ArrayLike, years: float, level: float) -> Losses:
    """Parametric losses of a position in one currency whose rate is lognormal without drift.

    With v = σ√h and z the quantile of `level`, a long position of value N loses more than
    N · (1 − exp(−v²/2 − z·v)) in 1 − level of all cases, and then N · (1 − Φ(−z − v) / (1 − level)) on average;
    a short one |N| · (exp(−v²/2 + z·v) − 1) and |N| · (Φ(v − z) / (1 − level) − 1). `volatility` is annual.
    """
    value, v = (
        np.asarray(position, dtype=np.float64),
        np.asarray(volatility, dtype=np.float64) * np.sqrt(years),
    )
    side, z = np.where(value < 0, -1.0, 1.0), float(ndtri(level))
    at_risk = value * (1.0 - np.exp(-0.5 * v**2 - side * z * v))
    # As v vanishes so does every loss, the tail's probability being 1 − level exactly.
    beyond = value * (1.0 - ndtr(side * (-side * z - v)) / (1.0 - level))
    return Losses(np.asarray(at_risk), np.asarray(np.where(v > 0, beyond, 0.0)))


def normal_losses(positions: ArrayLike, covariance: ArrayLike, years: float, level: float) -> Losses:
    """Parametric losses of positions in several currencies together, by variances and covariances.

    z · √(w'Σw · h) and φ(z) / (1 − level) · √(w'Σw · h), with w the values and Σ the annual covariance of the
    log rates. `positions` may have any shape that ends in the currencies.
    """
    w, z = np.asarray(positions, dtype=np.float64), float(ndtri(level))
    variance = np.einsum("...i,ij,...j->...", w, np.asarray(covariance, dtype=np.float64), w)
    spread = np.sqrt(np.maximum(variance, 0.0) * years)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    return Losses(np.asarray(z * spread), np.asarray(density / (1.0 - level) * spread))


def historical_losses(profits: ArrayLike, level: float) -> Losses:
    """Losses by what happened: `profits` of any shape that ends in the cases, gains positive.

    The value at risk is the negative quantile of 1 − level (linear between neighbours), the expected shortfall
    the mean loss of the cases that are no better.
    """
    cases = np.asarray(profits, dtype=np.float64)
    worst = np.quantile(cases, 1.0 - level, axis=-1)
    beyond = cases <= worst[..., np.newaxis]
    shortfall = np.where(beyond, cases, 0.0).sum(axis=-1) / beyond.sum(axis=-1)
    return Losses(np.asarray(-worst), np.asarray(-shortfall))


def part_payment(
    amount: float, booked: float, paid: Sequence[tuple[float, float]], now: float, *, receivable: bool = True
) -> PartPayment:
    """FX result of an obligation booked at one rate, paid in parts (amount, rate), the rest worth `now`.

    Realised: Σ part · (rate − booked); unrealised: what is left · (now − booked); the negative for a payable.
    """
    sign = 1.0 if receivable else -1.0
    realised = sign * sum(part * (rate - booked) for part, rate in paid)
    left = amount - sum(part for part, _ in paid)
    unrealised = sign * left * (now - booked)
    return PartPayment(realised, unrealised, realised + unrealised)


def hedge_effectiveness(hedge: float, exposure: float) -> float | None:
    """|Δhedge / Δexposure|: 1 where the hedge made good what the rate took; None where the rate did nothing."""
    return abs(hedge / exposure) if exposure else None


def flow_at_risk(flows: ArrayLike, level: float = 0.95) -> Floats:
    """Cash flow at risk: the mean of the cases (last axis) less their quantile of 1 − level."""
    cases = np.asarray(flows, dtype=np.float64)
    return np.asarray(cases.mean(axis=-1) - np.quantile(cases, 1.0 - level, axis=-1))
