"""The exchange rates of a run: one file for each way in which rates move, and one table of what comes out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import local_instant
from sim.core.kinds import import_all
from sim.core.rates import Floats, FxPaths
from sim.scenario.model.fx import ConstantFx, Fx, is_layer
from sim.scenario.model.kinds import kinds
from sim.world.fx.parts import MODELS, Draws, FxError, below, stated_rate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from sim.core.calendars import Days

__all__ = ["MODELS", "FxError", "fx_paths"]


def fx_paths(  # noqa: PLR0913 - the last one is a plain switch
    declared: Fx | None,
    currencies: Sequence[str],
    first: date,
    last: date,
    zone: ZoneInfo,
    seed: int,
    replication: int,
    *,
    needed: bool = True,
) -> FxPaths:
    """The mids of `currencies` and USD on each day from `first` to `last`, both included.

    Every stream is named `fx/<currency>…` (or after what all currencies share, as `fx/regime`) and has its
    draws by calendar date, so a longer run, an earlier start or another currency in the run changes no
    draw, and no rate of a `history`. Where shocks are correlated, a rate depends on those of the
    currencies declared before it: a currency added at the end changes no other path, one put in between
    changes those after it. What is estimated takes every currency of the shipped history, in a fixed
    order, whatever the run needs.

    `FxError`, a ValueError, if the declaration lacks a currency, or history does not cover the days. None declares no
    rates, which are NaN but for USD: that is enough for a single currency, and for more if they are not `needed`.
    """
    order = tuple(sorted({*currencies, "USD"}))
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    wanted = [currency for currency in order if currency != "USD"]
    if declared is None and needed and len({*currencies}) > 1:
        raise FxError(f"rates of {', '.join(wanted)} are needed; declare them under 'fx'")
    if declared is None:
        columns = {currency: np.full(len(days), np.nan) for currency in wanted}
    else:
        with below():
            columns = _columns(declared, wanted, days, Draws(seed, replication))
    columns["USD"] = np.ones(len(days))
    return FxPaths(
        currencies=order,
        day_starts=np.array([local_instant(day, 0, zone) for day in days.tolist()], dtype=np.int64),
        per_usd=np.column_stack([columns[currency] for currency in order]),
        end=local_instant(last + timedelta(days=1), 0, zone),
    )


def _columns(declared: Fx, wanted: Sequence[str], days: Days, draws: Draws) -> dict[str, Floats]:
    """Units per USD by day of the currencies wanted, and perhaps of others that they depend on."""
    model = MODELS[declared.kind]
    if is_layer(declared):
        needed = sorted({*wanted, *declared.needs()} - {"USD", declared.replaces()})
        with below("base"):
            base = _columns(declared.base, needed, days, draws)
        columns = model(declared, base, days, draws)
    else:
        columns = model(declared, wanted, days, draws)
    for currency in wanted:
        rates = columns.get(currency)
        if rates is None or rates.shape != days.shape:
            raise TypeError(
                f"model of exchange rates {declared.kind!r} gives no rate of {currency} for each day"
            )
    return columns


def _constant(declared: ConstantFx, wanted: Sequence[str], days: Days, _draws: Draws) -> dict[str, Floats]:
    return {code: np.full(len(days), stated_rate(declared.rates, code)) for code in wanted}


MODELS.add(_constant, "constant")


import_all(__name__, __path__)
MODELS.complete(kinds(Fx))
