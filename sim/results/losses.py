"""What firms could lose tomorrow is read from their position today and from how rates moved before."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from sim.core.clock import YEAR_DAYS
from sim.core.currency import round_half_even
from sim.core.history import correlation, load_history, observed_together
from sim.results.columns import names
from sim.results.instants import instants, seconds
from sim.results.risk import Losses, historical_losses, lognormal_losses, normal_losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sim.world.world import DrawnWorld

    Floats = NDArray[np.float64]

#: Days between two joint observations at most; what happened over a longer break is no change of a few days.
_LONGEST_BREAK: Final = 10
_METHODS: Final = ("parametric", "historical")


class Moves(NamedTuple):
    """How the log prices of currencies moved in a home currency.

    `covariance` is annual and positive semidefinite, or None if too few changes are known of all prices together;
    `volatility` is that of each price; `changes` [cases, currencies] are joint changes, over `days` each.
    """

    volatility: Floats
    covariance: Floats | None
    changes: Floats
    days: Floats


def moves(currencies: Sequence[str], home: str, first: date, last: date) -> Moves:
    """Moves of the prices of `currencies` in `home` in the shipped history, both days included.

    The price of currency i in home currency f moves as log p_f − log p_i, with p the units per USD. Volatilities
    are those of the days on which both are observed, √(Σ move² / Σ years), so that none depends on the others;
    correlations those of the days on which all are, Σ moveᵢ·moveⱼ / √(Σ moveᵢ² · Σ moveⱼ²), so that they are
    possible together. All must be `known` over these days.
    """
    alone = [_changes([code], home, first, last) for code in currencies]
    volatility = np.array([np.sqrt((moved**2).sum() / days.sum() * YEAR_DAYS) for moved, days in alone])
    moved, days = _changes(currencies, home, first, last)
    covariance = None
    if len(moved) >= len(currencies):
        covariance = correlation(moved.T @ moved) * np.outer(volatility, volatility)
    kept = days <= _LONGEST_BREAK
    return Moves(volatility, covariance, moved[kept], days[kept])


def _changes(currencies: Sequence[str], home: str, first: date, last: date) -> tuple[Floats, Floats]:
    """Changes [cases, currencies] of log prices between days on which all are observed, and days in between."""
    days, levels = observed_together([home, *currencies], first, last)
    return np.diff(levels[:, :1] - levels[:, 1:], axis=0), np.diff(days).astype(np.float64)


def known(currency: str, home: str, first: date, last: date) -> bool:
    """Whether the shipped history tells how the price of a currency in `home` moved between these days."""
    history = load_history()
    if not {currency, home} <= {"USD", *history} or currency == home:
        return False
    return len(observed_together([home, currency], first, last)[0]) > 1


class _Case(NamedTuple):
    """Losses of one side at every instant; `currency` is −1 for all currencies together."""

    at: NDArray[np.int64]
    side: int
    currency: int
    method: int
    horizon_days: int
    level: float
    losses: Losses


def losses_table(world: DrawnWorld, exposure: pd.DataFrame) -> pd.DataFrame:
    """Value at risk and expected shortfall of each side's net open position, at the instants of `exposure`.

    Minor units of the reporting currency, losses positive; `currency` is missing for all currencies of a side
    together. A position is valued at mid in the side's functional currency, in which its losses are reckoned.
    `parametric` takes a lognormal rate for one currency and variances and covariances for all of them;
    `historical` revalues the position by every joint change of the shipped history, scaled to the horizon by
    the square root of time. Currencies without a history have no row.
    """
    cases = [case for side in range(len(world.scenario.sides)) for case in _cases(world, side, exposure)]
    lengths = [len(case.at) for case in cases]
    at = np.concatenate([case.at for case in cases]) if cases else np.zeros(0, dtype=np.int64)

    def column(name: str, kind: type) -> NDArray[Any]:
        return np.repeat(np.array([getattr(case, name) for case in cases], dtype=kind), lengths)

    sides = list(world.scenario.sides)
    table = {
        "at": instants(at),
        "side": names(sides, column("side", np.int64)),
        "currency": names(world.fx.currencies, column("currency", np.int64)),
        "method": names(_METHODS, column("method", np.int64)),
        "horizon_days": column("horizon_days", np.int64),
        "level": column("level", np.float64),
    }
    home = np.array([world.fx.index(side.functional_currency) for side in world.scenario.sides.values()])
    source = home[column("side", np.int64)] if cases else np.zeros(0, dtype=np.int64)
    reporting = world.fx.index(world.scenario.reporting_currency)
    for name in Losses._fields:
        values = [round_half_even(getattr(case.losses, name)) for case in cases]
        amounts = np.concatenate(values) if cases else np.zeros(0, dtype=np.int64)
        table[name] = world.fx.convert(amounts, source, reporting, at) if cases else amounts
    return pd.DataFrame(table)


def _cases(world: DrawnWorld, side: int, exposure: pd.DataFrame) -> Iterator[_Case]:
    """Every horizon, level and method of one side; nothing if there is no history for its books."""
    name = list(world.scenario.sides)[side]
    mine = exposure[exposure["side"] == name]
    codes = [str(code) for code in mine["currency"].unique()]
    home = world.scenario.sides[name].functional_currency
    window = world.scenario.risk.window
    days = (date.min, date.max) if window is None else (window.first, window.last)
    told = [code for code in codes if known(code, home, *days)]
    if not told:
        return
    found = moves(told, home, *days)
    numbers = [world.fx.index(code) for code in told]
    by_currency = [mine[mine["currency"] == code] for code in told]
    at = seconds(by_currency[0]["at"])
    positions = np.column_stack(
        [
            world.fx.convert(rows["net_open_position"].to_numpy(), number, world.fx.index(home), at) * 1.0
            for number, rows in zip(numbers, by_currency, strict=True)
        ]
    )
    for horizon in world.scenario.risk.horizons_days:
        for level in map(float, world.scenario.risk.levels):
            for method, column, losses in _losses(found, positions, horizon, level):
                # Where a currency has no history, the position as a whole has none either.
                if column is not None or len(told) == len(codes):
                    number = -1 if column is None else numbers[column]
                    yield _Case(at, side, number, _METHODS.index(method), horizon, level, losses)


def _losses(
    found: Moves, positions: Floats, horizon: int, level: float
) -> Iterator[tuple[str, int | None, Losses]]:
    """Losses by method and column of `positions`, None for all of them together."""
    years = horizon / YEAR_DAYS
    returns = np.expm1(found.changes * np.sqrt(horizon / found.days)[:, np.newaxis])
    for column in range(positions.shape[1]):
        own = positions[:, column]
        yield "parametric", column, lognormal_losses(own, found.volatility[column], years, level)
        if len(returns):
            yield "historical", column, historical_losses(np.outer(own, returns[:, column]), level)
    if found.covariance is not None:
        yield "parametric", None, normal_losses(positions, found.covariance, years, level)
    if len(returns):
        yield "historical", None, historical_losses(positions @ returns.T, level)
