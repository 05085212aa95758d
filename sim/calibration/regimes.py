"""Two states of the markets are told apart by nothing but the size of the moves, so their edges are blurred."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.blocks import common_weeks
from sim.calibration.estimates import MODELS, Calibration, Estimate, declared
from sim.core.clock import YEAR_DAYS
from sim.core.history import correlation, jackknife, moves_covariance, quarters_of, volatility
from sim.core.rates import Floats
from sim.errors import CalibrationError

if TYPE_CHECKING:
    from sim.calibration.estimates import HistoryWindow
    from sim.core.history import Weeks

_STATES: Final = ("calm", "stressed")
#: Where the search starts: the wildest fifth of the weeks are stressed; calm lasts ten weeks, stress four.
_STRESSED_SHARE: Final = 0.2
_LEAVING: Final = (0.1, 0.25)
#: The search ends when no likelihood grows by this share any more, or after so many rounds.
_ENOUGH: Final = 1e-7
_ROUNDS: Final = 500
#: A state of fewer weeks per currency has no covariance worth the name.
_FEWEST_PER_CURRENCY: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """Hidden two-state chains fitted to the same weeks, one for each row of `seen`; state 0 is the calm one.

    `leaving` [chains, 2] are weekly probabilities of leaving each state, `covariances` [chains, 2, currencies,
    currencies] weekly; `chances` [chains, weeks, 2] say how likely each week was in each state.
    """

    leaving: Floats
    covariances: Floats
    chances: Floats
    likelihood: Floats


def regime(window: HistoryWindow) -> Calibration:
    """Durations, volatilities and correlations of two states by maximum likelihood (the EM algorithm)."""
    weeks = common_weeks(window)
    every = weeks.moves - weeks.moves.mean(axis=0)
    moves = every[:, np.isin(weeks.currencies, window.floating())]
    quarter = quarters_of(weeks.ends)
    all_seen = np.ones((1, len(moves)), dtype=bool)
    fitted = fit(moves, all_seen, first_guess(moves))
    _check_states(fitted, moves.shape[1])
    # A week that is left out says nothing of its state, yet the chain goes on through it.
    seen = np.array([quarter != one for one in np.unique(quarter)])
    whole, left_out = _of_all(fitted, every, all_seen), _of_all(fit(moves, seen, fitted), every, seen)
    names, values = _statistics(whole, 0, weeks)
    errors = jackknife(np.array([_statistics(left_out, block, weeks)[1] for block in range(len(seen))]))
    return Calibration(
        model="regime",
        window=window,
        observations=dict.fromkeys(weeks.currencies, len(weeks)),
        estimates=[
            Estimate(name, float(value), float(error) or None, _unit(name))
            for name, value, error in zip(names, values, errors, strict=True)
        ],
        fx={
            "kind": "regime",
            **window.start(),
            **{
                state: {"mean_duration": f"{max(2, round(values[number]))}d"}
                | declared(weeks.currencies, whole.covariances[0, number] * YEAR_DAYS / 7)
                for number, state in enumerate(_STATES)
            },
            "source": window.origin(),
        },
        notes=_notes(fitted, moves),
    )


def fit(moves: Floats, seen: NDArray[np.bool_], start: Chains) -> Chains:
    """The likeliest chain for the weeks `seen` [chains, weeks] each, found from one start.

    Baum, Petrie, Soules and Weiss (1970); in each state moves are normal about zero. The likelihood has
    several peaks, and the one that is found depends on where the search starts.
    """
    count = len(seen)
    leaving = np.repeat(start.leaving[:1], count, axis=0)
    covariances = np.repeat(start.covariances[:1], count, axis=0)
    before = np.full(count, -np.inf)
    for _ in range(_ROUNDS):
        chances, stays, likelihood = _expect(_densities(moves, seen, covariances), leaving)
        leaving = 1.0 - stays / np.maximum(chances[:, :-1].sum(axis=1), 1e-300)
        covariances = _covariances(moves, seen, chances)
        if np.all(likelihood - before < _ENOUGH * np.abs(likelihood)):
            break
        before = likelihood
    return Chains(leaving, covariances, chances, likelihood)


def _of_all(found: Chains, moves: Floats, seen: NDArray[np.bool_]) -> Chains:
    """The same chains with the covariances of currencies that told nothing of the states, too."""
    return replace(found, covariances=_covariances(moves, seen, found.chances))


def _covariances(moves: Floats, seen: NDArray[np.bool_], chances: Floats) -> Floats:
    """The covariances of each state, by the chances with which each week was in it."""
    weights = chances * seen[:, :, None]
    products = np.einsum("bts,ti,tj->bsij", weights, moves, moves, optimize=True)
    return np.asarray(products / weights.sum(axis=1)[:, :, None, None])


def first_guess(moves: Floats) -> Chains:
    """A chain whose stressed state is that of the weeks with the largest moves, all currencies alike."""
    size = np.sum((moves / moves.std(axis=0)) ** 2, axis=1)
    wild = size > np.quantile(size, 1.0 - _STRESSED_SHARE)
    covariances = np.array([moves_covariance(moves[mine]) for mine in (~wild, wild)])
    nothing = np.empty(0)
    return Chains(np.array([_LEAVING]), covariances[None], nothing, nothing)


def _densities(moves: Floats, seen: NDArray[np.bool_], covariances: Floats) -> Floats:
    """Log densities of each week's moves in each state, [chains, weeks, 2]; zero for weeks not seen."""
    inverse = np.linalg.inv(covariances)
    _, logs = np.linalg.slogdet(2.0 * np.pi * covariances)
    squares = np.einsum("ti,bsij,tj->bts", moves, inverse, moves, optimize=True)
    return np.where(seen[:, :, None], -0.5 * (squares + logs[:, None, :]), 0.0)


def _expect(densities: Floats, leaving: Floats) -> tuple[Floats, Floats, Floats]:
    """Chances of each state in each week, expected number of stays in each state, and log-likelihoods."""
    top = densities.max(axis=2, keepdims=True)
    emitted = np.exp(densities - top)
    chains, weeks, _ = emitted.shape
    step = np.stack([1.0 - leaving, leaving], axis=2)  # [chains, from, to stay or leave]
    step[:, 1] = step[:, 1, ::-1]  # [chains, from, to]
    forward, scale, backward = np.empty_like(emitted), np.empty((chains, weeks)), np.ones_like(emitted)
    ahead = leaving[:, ::-1] / leaving.sum(axis=1, keepdims=True)  # long-run shares
    for week in range(weeks):
        joint = ahead * emitted[:, week]
        scale[:, week] = joint.sum(axis=1)
        forward[:, week] = joint / scale[:, week, None]
        ahead = np.einsum("bs,bst->bt", forward[:, week], step)
    for week in range(weeks - 2, -1, -1):
        coming = emitted[:, week + 1] * backward[:, week + 1] / scale[:, week + 1, None]
        backward[:, week] = np.einsum("bst,bt->bs", step, coming)
    coming = emitted[:, 1:] * backward[:, 1:] / scale[:, 1:, None]
    stays = (forward[:, :-1] * coming).sum(axis=1) * (1.0 - leaving)
    return forward * backward, stays, np.log(scale).sum(axis=1) + top[:, :, 0].sum(axis=1)


def _check_states(found: Chains, currencies: int) -> None:
    fewest = _FEWEST_PER_CURRENCY * currencies
    if found.chances[0].sum(axis=0).min() < fewest or found.leaving[0].sum() >= 1.0:
        raise CalibrationError(
            "the weeks of this window do not show two states that last: one would have fewer than "
            f"{fewest} weeks, or end at once; take a longer window"
        )


def _statistics(found: Chains, chain: int, weeks: Weeks) -> tuple[list[str], Floats]:
    """Names and values of all that a chain says: days that states last, annual volatilities, correlations."""
    names, values = [f"{state}.mean_duration" for state in _STATES], [*_durations(found.leaving[chain])]
    for number, state in enumerate(_STATES):
        matrix = found.covariances[chain, number] * YEAR_DAYS / 7
        for code, value in zip(weeks.currencies, volatility(matrix), strict=True):
            names.append(f"{state}.volatility.{code}")
            values.append(value)
        for (i, one), (j, other) in combinations(enumerate(weeks.currencies), 2):
            names.append(f"{state}.correlation.{one}/{other}")
            values.append(correlation(matrix)[i, j])
    return names, np.array(values)


def _durations(leaving: Floats) -> Floats:
    """Mean days in each state of the daily chain that has the weekly one's long-run shares and memory."""
    total = min(float(leaving.sum()), 1.0 - 1e-9)
    daily = (1.0 - (1.0 - total) ** (1.0 / 7.0)) / float(leaving.sum())
    return np.asarray(1.0 / (leaving * daily))


def _unit(name: str) -> str:
    if name.endswith("mean_duration"):
        return "days"
    return "a year" if ".volatility." in name else ""


def _notes(found: Chains, moves: Floats) -> list[str]:
    stressed = found.chances[0, :, 1] > 1.0 / 2.0
    spells = int(np.sum(stressed[1:] & ~stressed[:-1])) + int(stressed[0])
    every = moves_covariance(moves)
    single = -0.5 * len(moves) * (np.linalg.slogdet(2.0 * np.pi * every)[1] + moves.shape[1])
    gain = 2.0 * (float(found.likelihood[0]) - float(single))
    further = moves.shape[1] * (moves.shape[1] + 1) // 2 + 2
    return [
        (
            f"{int(stressed.sum())} of {len(moves)} weeks are rather stressed, in {spells} spells: durations rest on "
            "these few spells, and correlations of the stressed state on these few weeks."
        ),
        (
            f"Twice the gain in log-likelihood over one state is {gain:.0f} for {further} further parameters; the "
            "usual tables do not hold for it, since a state that does not exist has no parameters."
        ),
        (
            "The states are those of currencies that float, which move by more than 1 % a year: a pegged one would "
            "tell them by the rounding of its quotes. Every week is taken to lie in one state as a whole; standard "
            "errors are by the jackknife over calendar quarters."
        ),
    ]


MODELS.add(regime, "regime")
