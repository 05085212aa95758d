"""What firms could lose tomorrow is read from their position today and from how rates moved before."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from sim.core.clock import YEAR_DAYS
from sim.core.currency import round_half_even
from sim.core.history import History, correlation
from sim.results.columns import instant, label, money, names, real, seconds, whole
from sim.results.registry import derived
from sim.results.risk import Losses, historical_losses, lognormal_losses, normal_losses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sim.results.run import Run

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


def moves(history: History, currencies: Sequence[str], home: str, first: date, last: date) -> Moves:
    """Moves of the prices of `currencies` in `home` in a history, both days included.

    The price of currency i in home currency f moves as log p_f − log p_i, with p the units per 1 of any third. Volatilities
    are those of the days on which both are observed, √(Σ move² / Σ years), so that none depends on the others;
    correlations those of the days on which all are, Σ moveᵢ·moveⱼ / √(Σ moveᵢ² · Σ moveⱼ²), so that they are
    possible together. All must be `known` over these days.
    """
    alone = [_changes(history, [code], home, first, last) for code in currencies]
    volatility = np.array([np.sqrt((moved**2).sum() / days.sum() * YEAR_DAYS) for moved, days in alone])
    moved, days = _changes(history, currencies, home, first, last)
    covariance = None
    if len(moved) >= len(currencies):
        covariance = correlation(moved.T @ moved) * np.outer(volatility, volatility)
    kept = days <= _LONGEST_BREAK
    return Moves(volatility, covariance, moved[kept], days[kept])


def _changes(
    history: History, currencies: Sequence[str], home: str, first: date, last: date
) -> tuple[Floats, Floats]:
    """Changes [cases, currencies] of log prices between days on which all are observed, and days in between."""
    days, levels = history.observed_together([home, *currencies], first, last)
    return np.diff(levels[:, :1] - levels[:, 1:], axis=0), np.diff(days).astype(np.float64)


def known(history: History, currency: str, home: str, first: date, last: date) -> bool:
    """Whether a history tells how the price of a currency in `home` moved between these days."""
    if not {currency, home} <= {*history.codes} or currency == home:
        return False
    return len(history.observed_together([home, currency], first, last)[0]) > 1


class _Case(NamedTuple):
    """Losses of one side at every instant; `currency` is −1 for all currencies together."""

    at: NDArray[np.int64]
    side: int
    currency: int
    method: int
    horizon_days: int
    level: float
    losses: Losses


@derived(
    instant("at", "the instant, of those of `exposure`"),
    label("side", "the economy"),
    label("currency", "the currency of the position; missing for all currencies of the side together"),
    label("method", "`parametric` or `historical`"),
    whole("horizon_days", "how soon the position can be closed", "days"),
    real("level", "the probability that no more is lost than the value at risk", "share"),
    money("value_at_risk", "what is lost at that level, positive", of="reporting"),
    money("expected_shortfall", "the mean loss of the cases beyond it", of="reporting"),
    needs=("fx", "exposure", "observed_rates"),
)
def losses(run: Run) -> dict[str, Any]:
    """One row per instant, side, currency, method, horizon and level: what the net open position may lose.

    Position values w are those of `net_open_position` at mid in the side's functional currency; σ and Σ are per year of
    365.25 days, from all of `observed_rates` or from `risk.window` of it. The price of a currency in the functional
    one has σ² = Σ x² / Σ years, with x the changes of its logarithm between days on which both are observed, over
    breaks of any length; correlations are Σ xᵢ·xⱼ / √(Σ xᵢ² · Σ xⱼ²) over the changes between days on which all of the
    side's currencies are observed, so that a covariance Σ = (σᵢ·ρᵢⱼ·σⱼ) has no negative eigenvalue. With fewer such
    changes than currencies, all of them together have no parametric row. Currencies without a history have no row. h
    is the horizon in years, z the normal quantile of the level.

    | method | one currency | all currencies of a side (`currency` missing) |
    | --- | --- | --- |
    | `parametric` | w · (1 − exp(−σ²h/2 − z·σ√h)); shortfall w · (1 − Φ(−z − σ√h) / (1 − level)); for w < 0 the rise counts | z · √(w'Σw·h); shortfall φ(z) / (1 − level) · √(w'Σw·h) |
    | `historical` | −quantile of w · (exp(change) − 1) over the joint changes of at most 10 days in the history, each scaled by √(horizon / its days); shortfall: mean of those no better | the same of their sum |

    Losses are rounded three times, halves to even: each currency's position w to minor units of the functional currency
    at mid; the loss that the formula makes of one w, or of the unrounded sum over all of them, to the same; and its value
    in the reporting currency at mid of that instant. The two methods differ also by what happened over longer breaks,
    of which the first knows.
    """
    sides = list(run.scenario.sides)
    cases = [case for side in range(len(sides)) for case in _cases(run, side)]
    lengths = [len(case.at) for case in cases]
    at = np.concatenate([case.at for case in cases]) if cases else np.zeros(0, dtype=np.int64)

    def column(name: str, kind: type) -> NDArray[Any]:
        return np.repeat(np.array([getattr(case, name) for case in cases], dtype=kind), lengths)

    table = {
        "at": at,
        "side": names(sides, column("side", np.int64)),
        "currency": names(run.fx.currencies, column("currency", np.int64)),
        "method": names(_METHODS, column("method", np.int64)),
        "horizon_days": column("horizon_days", np.int64),
        "level": column("level", np.float64),
    }
    home = np.array([run.fx.index(side.functional_currency) for side in run.scenario.sides.values()])
    source = home[column("side", np.int64)] if cases else np.zeros(0, dtype=np.int64)
    reporting = run.fx.index(run.currency)
    for name in Losses._fields:
        values = [round_half_even(getattr(case.losses, name)) for case in cases]
        amounts = np.concatenate(values) if cases else np.zeros(0, dtype=np.int64)
        table[name] = run.fx.convert(amounts, source, reporting, at) if cases else amounts
    return table


def _cases(run: Run, side: int) -> Iterator[_Case]:
    """Every horizon, level and method of one side; nothing if there is no history for its books."""
    name, fx, exposure = list(run.scenario.sides)[side], run.fx, run["exposure"]
    mine = exposure[exposure["side"] == name]
    codes = [str(code) for code in mine["currency"].unique()]
    home = run.scenario.sides[name].functional_currency
    window = run.scenario.risk.window
    days = (date.min, date.max) if window is None else (window.first, window.last)
    history = run.history
    told = [code for code in codes if known(history, code, home, *days)]
    if not told:
        return
    found = moves(history, told, home, *days)
    numbers = [fx.index(code) for code in told]
    by_currency = [mine[mine["currency"] == code] for code in told]
    at = seconds(by_currency[0]["at"])
    positions = np.column_stack(
        [
            fx.convert(rows["net_open_position"].to_numpy(), number, fx.index(home), at) * 1.0
            for number, rows in zip(numbers, by_currency, strict=True)
        ]
    )
    for horizon in run.scenario.risk.horizons_days:
        for level in map(float, run.scenario.risk.levels):
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
