"""Weeks of history return in blocks, all currencies together, so what held among them still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.history import correlation, moves_covariance, volatility
from sim.core.rates import Floats
from sim.world.fx.parts import MODELS, FxError, correlated, day_numbers, first_rate, outwards, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.core.history import Weeks
    from sim.scenario.model.fx import BootstrapFx
    from sim.world.fx.parts import Draws, Frame

#: Fewer weeks could not show how currencies move together.
_FEWEST: Final = 26
_DAYS: Final = 7


def bootstrap(declared: BootstrapFx, wanted: Sequence[str], frame: Frame) -> dict[str, Floats]:
    """Rates whose weeks, Thursday to Wednesday, are weeks of history.

    Within a week a Brownian bridge with the covariance of the window's weeks leads from end to end. With
    it the move of any number of days, beginning on any day, has the variance and correlations of
    history in proportion to its length, if weeks are drawn alone; a straight line would make a day's
    variance a seventh of that.

    ValueError for a window of few weeks, or a currency that history does not have.
    """
    days, draws, history = frame.days, frame.draws, frame.history
    weeks = history.weekly_moves(history.currencies, declared.window.first, declared.window.last)
    if len(weeks) < _FEWEST:
        raise FxError(
            f"the window from {declared.window.first} to {declared.window.last} has {len(weeks)} weeks in which "
            f"all of {', '.join(weeks.currencies)} were observed; {_FEWEST} are needed",
            ("window",),
        )
    numbers = day_numbers(days)
    whole = np.arange(days[0] - numbers[0] % _DAYS, days[-1] + _DAYS - numbers[-1] % _DAYS)
    drawn = drawn_weeks(float(declared.mean_block), len(weeks), int(numbers[-1]) // _DAYS, draws)
    chosen = drawn[numbers[0] // _DAYS :]
    covariances = moves_covariance(weeks.moves)
    normal = {code: draws.normal(code, whole) for code in weeks.currencies}
    columns = {}
    for currency in wanted:
        place = place_of(currency, weeks.currencies)
        scale = volatility(covariances)[place] / np.sqrt(_DAYS)
        shocks = scale * correlated(correlation(covariances), place, normal).reshape(-1, _DAYS)
        bridge = shocks - shocks.mean(axis=1, keepdims=True)
        moves = (bridge + _moves(declared, weeks, place)[chosen, None] / _DAYS).ravel()
        moves = moves[numbers[0] % _DAYS :][: len(days)]
        columns[currency] = first_rate(declared, currency, frame) * np.exp(
            outwards(moves, frame.place(declared))
        )
    return columns


def drawn_weeks(mean_block: float, count: int, until: int, draws: Draws) -> NDArray[np.int64]:
    """The week of history, of `count`, that each week since 1970 takes, up to week `until`.

    A week follows the one before it in history, around the end, unless a new block starts: with
    probability 1 / `mean_block`, at a week that is as likely as any other.
    """
    uniform = draws.uniform("bootstrap", until)
    step = np.arange(until + 1)
    starts = uniform[:, 0] < 1.0 / mean_block
    starts[0] = True
    began = np.maximum.accumulate(np.where(starts, step, 0))
    first = (uniform[:, 1] * count).astype(np.int64)
    return np.asarray((first[began] + step - began) % count)


def _moves(declared: BootstrapFx, weeks: Weeks, place: int) -> Floats:
    """Weekly moves, shifted so that a dollar's expected price stays, unless the drift of history is wanted."""
    moves = weeks.moves[:, place]
    if declared.drift == "history":
        return moves
    return np.asarray(moves - np.log(np.mean(np.exp(moves))))


MODELS.add(bootstrap, "bootstrap")
