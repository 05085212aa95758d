"""The exchange rates of a run: one file for each way in which rates move, and one table of what comes out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import local_instant, local_instants
from sim.core.kinds import import_all
from sim.core.rates import Floats, FxPaths
from sim.scenario.model.fx import ConstantFx, Fx, is_layer
from sim.scenario.model.kinds import kinds
from sim.world.fx.parts import MODELS, Draws, Frame, FxError, below, stated_rate
from sim.world.own_rates import history_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from sim.core.calendars import Days
    from sim.core.history import History

__all__ = ["MODELS", "FxError", "fx_paths"]


def fx_paths(  # noqa: PLR0913 - the last ones have usual values
    declared: Fx | None,
    currencies: Sequence[str],
    first: date,
    last: date,
    zone: ZoneInfo,
    seed: int,
    replication: int,
    *,
    needed: bool = True,
    opens: date | None = None,
    run_from: date | None = None,
    history: History | None = None,
) -> FxPaths:
    """The mids of `currencies` and of the unit, the dollar, on each day from `first` to `last`, both included.

    The run itself begins on `run_from` and its period on `opens`, by default on `first` both. `history` is that which
    the declaration names, read if it is not given; where it knows no dollar, its own unit takes the dollar's place.

    Every stream is named `fx/<currency>…` (or after what all currencies share, as `fx/regime`) and has its
    draws by calendar date, and every rate is summed up from its anchor outwards, so other first or last days,
    or another currency in the run, change no rate of a day, not by a bit, as long as the anchor is the same.
    Where shocks are correlated, a rate depends on those of the currencies declared before it: a currency added at
    the end changes no other path, one put in between changes those after it. What is estimated takes every currency of
    history, in a fixed order, whatever the run needs.

    `FxError`, a ValueError, if the declaration lacks a currency, or history does not cover the days. None declares no
    rates, which are NaN but for USD: that is enough for a single currency, and for more if they are not `needed`.
    """
    history = history_of(declared) if history is None else history
    order = tuple(sorted({*currencies, history.unit}))
    wanted = [currency for currency in order if currency != history.unit]
    asked = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    if declared is None and needed and len({*currencies}) > 1:
        raise FxError(f"rates of {', '.join(wanted)} are needed; declare them under 'fx'")
    if declared is not None and history.unit in declared.stated():
        raise FxError(
            f"{history.unit} is the unit in which {history.name} has the others, so it does not move; leave it out"
        )
    if declared is None:
        columns = {currency: np.full(len(asked), np.nan) for currency in wanted}
    else:
        frame = Frame(
            days=_with_anchors(asked, declared, opens or first),
            opens=opens or first,
            run=(run_from or first, last),
            draws=Draws(seed, replication),
            history=history,
        )
        before = int((asked[0] - frame.days[0]).astype(np.int64))
        with below():
            columns = {
                code: rates[before : before + len(asked)]
                for code, rates in _columns(declared, wanted, frame).items()
            }
    columns[history.unit] = np.ones(len(asked))
    return FxPaths(
        currencies=order,
        day_starts=local_instants(asked, 0, zone),
        per_usd=np.column_stack([columns[currency] for currency in order]),
        end=local_instant(last + timedelta(days=1), 0, zone),
    )


def _with_anchors(asked: Days, declared: Fx, opens: date) -> Days:
    """The days asked for, and those that lead to the anchors."""
    anchors = [np.datetime64(anchor or opens, "D") for anchor in _anchors(declared)]
    return np.arange(min(asked[0], *anchors), max(asked[-1], *anchors) + 1)


def _anchors(declared: Fx) -> Iterator[date | None]:
    yield declared.anchor()
    if is_layer(declared):
        yield from _anchors(declared.base)


def _columns(declared: Fx, wanted: Sequence[str], frame: Frame) -> dict[str, Floats]:
    """Units per USD by day of the currencies wanted, and perhaps of others that they depend on."""
    model = MODELS[declared.kind]
    if is_layer(declared):
        needed = sorted({*wanted, *declared.needs()} - {frame.unit, declared.replaces()})
        with below("base"):
            base = _columns(declared.base, needed, frame)
        columns = model(declared, base, frame)
    else:
        columns = model(declared, wanted, frame)
    for currency in wanted:
        rates = columns.get(currency)
        if rates is None or rates.shape != frame.days.shape:
            raise TypeError(
                f"model of exchange rates {declared.kind!r} gives no rate of {currency} for each day"
            )
    return columns


def _constant(declared: ConstantFx, wanted: Sequence[str], frame: Frame) -> dict[str, Floats]:
    return {code: np.full(len(frame.days), stated_rate(declared.rates, code)) for code in wanted}


MODELS.add(_constant, "constant")


import_all(__name__, __path__)
MODELS.complete(kinds(Fx))
