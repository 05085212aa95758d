"""Without jumps a log rate is a sum of small normal moves: about no drift, about a level, or calm and stressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import DAY, YEAR_DAYS
from sim.core.history import correlation, volatility
from sim.core.rates import Floats
from sim.scenario.model.fx import correlation_matrix
from sim.world.fx.parts import MODELS, FxError, correlated, daily, day_numbers, first_rate, outwards, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.core.history import History
    from sim.scenario.model.fx import LognormalFx, MeanRevertingFx, Regime, RegimeFx
    from sim.world.fx.parts import Frame


def lognormal(declared: LognormalFx, wanted: Sequence[str], frame: Frame) -> dict[str, Floats]:
    """Geometric Brownian motions outwards from the anchor; time runs on weekends, too."""
    annual, correlations = _moments(declared, frame.history)
    order = list(annual)
    normal = {currency: frame.draws.normal(currency, frame.days) for currency in order}
    columns = {}
    anchor = frame.place(declared)
    years = (np.arange(len(frame.days)) - anchor) / YEAR_DAYS
    for currency in wanted:
        shocks = correlated(correlations, place_of(currency, order), normal)
        drift = -0.5 * annual[currency] ** 2 * years
        moved = daily(annual[currency]) * outwards(shocks, anchor) + drift
        columns[currency] = first_rate(declared, currency, frame) * np.exp(moved)
    return columns


def mean_reverting(declared: MeanRevertingFx, wanted: Sequence[str], frame: Frame) -> dict[str, Floats]:
    """Ornstein–Uhlenbeck log rates, exact from day to day: no step is too long for the half-life.

    In time that runs backwards the process has the same law, so that on either side of its anchor the distance from
    the level is lost outwards. The shock between two days is that of the later one.
    """
    order = list(declared.reversion)
    covariances = _step_covariances(declared)
    scale = volatility(covariances)
    correlations = correlation(covariances)
    kept = np.exp(-_speeds(declared) / YEAR_DAYS)
    normal = {currency: frame.draws.normal(currency, frame.days) for currency in order}
    columns = {}
    anchor = frame.place(declared)
    for currency in wanted:
        place = place_of(currency, order)
        level = np.log(float(declared.reversion[currency].level))
        moves = scale[place] * correlated(correlations, place, normal)
        start = float(np.log(first_rate(declared, currency, frame)) - level)
        after = _kept(start, moves[anchor + 1 :], float(kept[place]))
        before = _kept(start, moves[anchor:0:-1], float(kept[place]))
        columns[currency] = np.exp(level + np.concatenate([before[:0:-1], after]))
    return columns


def _kept(start: float, moves: Floats, part: float) -> Floats:
    """The sums of moves, after `start`, of which each day keeps a part of the day before's, and adds its own."""
    sums = np.empty(len(moves) + 1)
    sums[0] = last = start
    for day, move in enumerate(moves.tolist(), start=1):
        last = part * last + move
        sums[day] = last
    return sums


def _speeds(declared: MeanRevertingFx) -> Floats:
    """Share of the distance lost a year, continuously: ln 2 over the half-life in years."""
    half_lives = [one.half_life / DAY / YEAR_DAYS for one in declared.reversion.values()]
    return np.asarray(np.log(2.0) / np.array(half_lives))


def _step_covariances(declared: MeanRevertingFx) -> Floats:
    """Covariances of the moves of one day: ρᵢⱼ σᵢ σⱼ (1 − exp(−(κᵢ + κⱼ)Δ)) / (κᵢ + κⱼ), exactly."""
    speed = _speeds(declared)
    annual = np.array([float(one.volatility) for one in declared.reversion.values()])
    correlations = correlation_matrix(declared.reversion, declared.correlation)
    both = np.add.outer(speed, speed)
    return np.asarray(correlations * np.outer(annual, annual) * -np.expm1(-both / YEAR_DAYS) / both)


def _moments(declared: LognormalFx, history: History) -> tuple[dict[str, float], Floats]:
    """Annual volatilities and the correlations in their order, declared or estimated."""
    if declared.volatility is not None:
        stated = {currency: float(value) for currency, value in declared.volatility.items()}
        return stated, correlation_matrix(declared.volatility, declared.correlation)
    if declared.window is None:
        raise AssertionError("a declaration has either")
    first, last = declared.window.first, declared.window.last
    known = history.moving(first, last)
    if not known:
        message = f"{history.name} shows no currency moving from {first} to {last}; choose another window"
        raise FxError(message, ("window",))
    matrix = history.covariance(known, first, last).matrix
    return dict(zip(known, volatility(matrix).tolist(), strict=True)), correlation(matrix)


MODELS.add(lognormal, "lognormal")
MODELS.add(mean_reverting, "mean_reverting")


def regime(declared: RegimeFx, wanted: Sequence[str], frame: Frame) -> dict[str, Floats]:
    """Geometric Brownian motions whose covariance is that of the day's state."""
    stressed = stressed_days(declared, frame)
    order = list(declared.calm.volatility)
    normal = {currency: frame.draws.normal(currency, frame.days) for currency in order}
    columns = {}
    for currency in wanted:
        place = place_of(currency, order)
        calm, tense = (
            _moves(state, currency, place, order, normal) for state in (declared.calm, declared.stressed)
        )
        moved = outwards(np.where(stressed, tense, calm), frame.place(declared))
        columns[currency] = first_rate(declared, currency, frame) * np.exp(moved)
    return columns


def stressed_days(declared: RegimeFx, frame: Frame) -> NDArray[np.bool_]:
    """Whether each of consecutive days is a stressed one.

    Each day has one uniform draw. A calm day ends in stress if it is small, a stressed one ends if it is
    large, and any other leaves the state as it was; since both probabilities are at most one half, the
    last decisive draw is all that counts. Where the state of the anchor is stated, draws count outwards from it, for
    the chain has the same law in time that runs backwards.
    """
    numbers = day_numbers(frame.days)
    uniform = frame.draws.uniform("regime", int(numbers[-1]))[:, 0]
    to_stress = DAY / declared.calm.mean_duration
    to_calm = DAY / declared.stressed.mean_duration
    decided = np.where(uniform < to_stress, 1, np.where(uniform >= 1.0 - to_calm, 0, -1))
    if declared.initial == "drawn":
        if decided[0] < 0:
            decided[0] = uniform[0] < to_stress / (to_stress + to_calm)
        return _last_decided(decided)[numbers]
    anchor, initial = frame.place(declared), np.array([declared.initial == "stressed"], dtype=np.int64)
    decided = decided[numbers]
    after = _last_decided(np.concatenate([initial, decided[anchor + 1 :]]))
    before = _last_decided(np.concatenate([initial, decided[anchor:0:-1]]))
    return np.concatenate([before[:0:-1], after])


def _last_decided(decided: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The state of each step, the first of which is decided (0 or 1) and others perhaps not (−1)."""
    last = np.maximum.accumulate(np.where(decided >= 0, np.arange(len(decided)), 0))
    return np.asarray(decided[last] == 1)


def _moves(
    state: Regime, currency: str, place: int, order: Sequence[str], normal: dict[str, Floats]
) -> Floats:
    correlations = correlation_matrix(order, state.correlation)
    scale = daily(float(state.volatility[currency]))
    return np.asarray(scale * correlated(correlations, place, normal) - 0.5 * scale**2)


MODELS.add(regime, "regime")
