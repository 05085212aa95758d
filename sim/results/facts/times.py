"""What rates did, and when everything was open: systems, desks, banks and markets, and the holidays of each side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.core.clock import MINUTE, NEVER, from_instant
from sim.results.columns import (
    flag,
    instant,
    instants,
    label,
    local_date,
    names,
    real,
    seconds_of,
    text,
    whole,
)
from sim.results.days import extremes, local_days
from sim.results.facts.source import fact
from sim.scenario.topology import books

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours
    from sim.engine.records import Records
    from sim.scenario.model import Scenario
    from sim.scenario.model.timing import HoursChoice
    from sim.world.world import DrawnWorld

_QUARTER: Final = 15 * MINUTE
_QUARTERS: Final = 96
_FIRST_REST_DAY: Final = 5


@fact(
    instant(
        "valid_from", "the local midnight (zone of the period) from which the rate holds, until the next one"
    ),
    label("currency", "the currency", of="currency"),
    real(
        "per_usd",
        "its mid",
        "units per 1 USD, or per the currency that is always 1 where rates know no dollar",
    ),
)
def fx(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per local day and currency, in this order, from the day on which the first invoice may be agreed on.

    Days before the run are those on which what falls due in it was invoiced.
    """
    del records
    days, width = world.fx.per_usd.shape
    return {
        "valid_from": np.repeat(world.fx.day_starts, width),
        "currency": np.tile(np.arange(width), days),
        "per_usd": world.fx.per_usd.ravel(),
    }


@fact(
    local_date("date", "the day on which the rate was valid"),
    label("base", "the currency of which 1 unit is priced"),
    label("quote", "the currency in which it is priced"),
    real("rate", "its price", "units of `quote` per 1 `base`"),
)
def observed_rates(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per date and pair that was observed, of the history that the run's value at risk knows.

    That is the scenario's own file of rates, whole, or what the shipped history has of the currencies of the run.
    """
    del records
    history, fx = world.history, world.scenario.fx
    own = fx is not None and fx.own_file() is not None
    rows = history.quotes if own else history.among(world.fx.currencies)
    return {
        "date": rows.days,
        "base": names(rows.codes, rows.base),
        "quote": names(rows.codes, rows.quote),
        "rate": rows.rates,
    }


@fact(
    label("system", "the system"),
    local_date("business_day", "the working day that the session belongs to"),
    instant("opens_at", "when it opens"),
    instant("closes_at", "when it closes"),
)
def sessions(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per session of each system that keeps accounts, of the business days that the run touches.

    As scheduled: an outage makes no day shorter.
    """
    del records
    network, kept = world.network, books(world.scenario)
    found = [
        (place, _touched(network.system_hours[place].scheduled, world.window.start, world.window.end))
        for place, name in enumerate(network.systems)
        if name in kept
    ]

    def joined(of: str, dtype: str) -> NDArray[Any]:
        parts = [getattr(hours, of)[rows] for _, (hours, rows) in found]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)

    return {
        "system": pd.Categorical(
            [network.systems[place] for place, (_, rows) in found for _ in rows], categories=list(kept)
        ),
        "business_day": joined("value_dates", "datetime64[D]"),
        "opens_at": joined("starts", "int64"),
        "closes_at": joined("ends", "int64"),
    }


def _touched(hours: OpeningHours, start: int, end: int) -> tuple[OpeningHours, NDArray[np.intp]]:
    """The hours, and the sessions of those days that overlap `[start, end)`."""
    date, number = np.unique(hours.value_dates, return_inverse=True)
    opens, closes = np.full(len(date), NEVER), np.full(len(date), -NEVER)
    np.minimum.at(opens, number, hours.starts)
    np.maximum.at(closes, number, hours.ends)
    return hours, np.flatnonzero(((opens < end) & (closes > start))[number])


@fact(
    label("bank", "the bank", of="bank"),
    local_date("date", "the day, in the zone of its hours"),
    flag("works", "whether it works: on a Saturday or Sunday it does, on any other day it does not"),
)
def bank_days(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per bank and day on which it works though it is a Saturday or Sunday, or does not though it is none.

    From the day before the run to the one after it, so that they are whole in every zone. Outages change nothing.
    """
    del records
    window = world.window
    first, last = (from_instant(at, window.zone).date() for at in (window.start, window.end))
    days = np.arange(np.datetime64(first, "D") - 1, np.datetime64(last, "D") + 2)
    found: dict[int, NDArray[np.intp]] = {}
    number, chosen = [np.zeros(0, dtype=np.int64)], [days[:0]]
    for place, hours in enumerate(world.network.bank_hours):
        scheduled = hours.scheduled
        if id(scheduled) not in found:
            works = np.isin(days, scheduled.value_dates)
            found[id(scheduled)] = np.flatnonzero(works != np.is_busday(days))
        others = found[id(scheduled)]
        number.append(np.full(len(others), place))
        chosen.append(days[others])
    date = np.concatenate(chosen)
    return {"bank": np.concatenate(number), "date": date, "works": ~np.is_busday(date)}


@fact(
    label("side", "the economy", of="side"),
    local_date("first_date", "the first day without work"),
    local_date("last_date", "the last one"),
)
def holidays(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per stretch of days without work that holds a weekday, by the calendar of the side's hours.

    From the start of the run to its end.
    """
    del records
    window, openings = world.window, world.openings
    rows = []
    for place, side in enumerate(world.scenario.sides.values()):
        hours = world.scenario.hours.get(side.hours) if isinstance(side.hours, str) else side.hours
        working = openings.days("always" if hours is None else hours.calendar)
        dates = np.arange(np.datetime64(working.first, "D"), np.datetime64(working.last, "D") + 1)
        rest = np.flatnonzero(~working.flags)
        for stretch in np.split(rest, np.flatnonzero(np.diff(rest) > 1) + 1):
            inside = dates[stretch]
            if (
                np.is_busday(inside).any()
                and inside[-1] >= np.datetime64(from_instant(window.start, window.zone).date())
                and inside[0] <= np.datetime64(window.last_day)
            ):
                rows.append((place, inside[0], inside[-1]))
    return {
        "side": np.array([row[0] for row in rows], dtype=np.int64),
        "first_date": np.array([row[1] for row in rows], dtype="datetime64[D]"),
        "last_date": np.array([row[2] for row in rows], dtype="datetime64[D]"),
    }


@fact(
    local_date("date", "the local day (zone of the period)"),
    text("desk", "the desk"),
    text("bank", "its bank"),
    whole("arrived", "what came within the day", "cases"),
    whole("ended", "what was decided within the day", "cases"),
    whole("backlog_peak", "the most that had come and had not ended at one instant", "cases"),
    seconds_of("open_seconds", "the desk's hours"),
    seconds_of("work_seconds", "the time that its people were at work, all together"),
)
def desk_days(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per desk and local day of the period; desks that nobody came to are left out."""
    rows, network = records.reviews, world.network
    days, edges = local_days(world.window)
    busy = np.unique(rows.bank).tolist()
    parts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in _DESK_NUMBERS}
    for bank in busy:
        mine, hours = rows.bank == bank, network.desks[bank].hours
        arrived, began, ended = (column[mine] for column in (rows.arrived_at, rows.began_at, rows.ended_at))
        parts["arrived"].append(_within(arrived, edges))
        parts["ended"].append(_within(ended, edges))
        parts["backlog_peak"].append(_peaks(arrived, ended, edges))
        parts["open_seconds"].append(hours.open_seconds(edges[:-1], edges[1:]))
        parts["work_seconds"].append(np.diff(_worked(began, ended, edges, hours)))
    none = [np.zeros(0, dtype=np.int64)]
    return {
        "date": np.array(days * len(busy), dtype="datetime64[D]"),
        "desk": [network.desks[bank].name for bank in busy for _ in days],
        "bank": [network.banks[bank] for bank in busy for _ in days],
        **{name: np.concatenate(none + found) for name, found in parts.items()},
    }


_DESK_NUMBERS: Final = ("arrived", "ended", "backlog_peak", "open_seconds", "work_seconds")


def _worked(began: Seconds, ended: Seconds, until: Seconds, hours: OpeningHours) -> Seconds:
    """Open seconds of work on all cases up to each instant of `until`, which are sorted."""
    origin = min(int(began.min()), int(until[0]))
    last = int(until[-1])

    def opened(at: Seconds) -> Seconds:
        return hours.open_seconds(np.full(at.shape, origin), np.minimum(at, last))

    def total(at: Seconds) -> tuple[Seconds, Seconds]:
        """How many of the instants lie before each of `until`, and the sum of the open seconds up to them."""
        in_order = np.sort(at)
        sums = np.concatenate([[0], np.cumsum(opened(in_order))])
        before = np.searchsorted(in_order, until, side="left")
        return before, sums[before]

    (begun, up_to_begin), (done, up_to_end) = total(began), total(ended)
    return up_to_end + (begun - done) * opened(until) - up_to_begin


def _within(at: Seconds, edges: Seconds) -> NDArray[np.int64]:
    """How many of the instants lie in each interval between edges."""
    return np.diff(np.searchsorted(np.sort(at), edges, side="left"))


def _peaks(arrived: Seconds, ended: Seconds, edges: Seconds) -> NDArray[np.int64]:
    """The most cases at one instant of each interval: who ends as another comes is not there with him."""
    at = np.concatenate([ended, arrived])
    change = np.concatenate([np.full(len(ended), -1), np.ones(len(arrived), dtype=np.int64)])
    order = np.argsort(at, kind="stable")
    return extremes(at[order], change[order], edges, 0)[1][:-1]


@fact(
    label("place", "the banks on one zone's time, a market or a system between banks"),
    whole(
        "minute",
        "the local minute of the day (zone of the period) at which the quarter hour begins",
        "minutes",
    ),
    real(
        "open_share",
        "the share of days on which it is open then, as a share of that at its best time",
        "share",
    ),
)
def openings(world: DrawnWorld, records: Records) -> dict[str, Any]:
    """One row per place and quarter hour of the days from Monday to Friday of the period, holidays included.

    What never closes is left out.
    """
    del records
    window, found = world.window, {}
    edges = np.arange(window.period_start, window.period_end + 1, _QUARTER, dtype=np.int64)
    local = pd.DatetimeIndex(instants(edges[:-1])).tz_convert(window.zone)
    quarter = local.hour.to_numpy() * 4 + local.minute.to_numpy() // 15
    works = local.day_of_week.to_numpy() < _FIRST_REST_DAY
    days = np.bincount(quarter[works], minlength=_QUARTERS)
    for place, choice in _places(world.scenario).items():
        opened = world.openings.hours(choice).open_seconds(edges[:-1], edges[1:])
        seconds = np.bincount(quarter[works], opened[works], _QUARTERS)
        share = np.divide(seconds, days * _QUARTER, out=np.zeros(_QUARTERS), where=days > 0)
        if share.any():
            found[place] = share / share.max()
    return {
        "place": pd.Categorical(np.repeat([*found], _QUARTERS), categories=list(found)),
        "minute": np.tile(np.arange(_QUARTERS) * (_QUARTER // MINUTE), len(found)),
        "open_share": np.concatenate([np.zeros(0), *found.values()]),
    }


def _places(scenario: Scenario) -> dict[str, HoursChoice]:
    """What opens and closes: offices of banks by the city of their zone, markets, and systems between banks."""
    choices: dict[str, HoursChoice] = {}
    for bank in scenario.banks.values():
        declared = scenario.hours.get(bank.hours) if isinstance(bank.hours, str) else bank.hours
        if declared is not None:
            city = declared.zone.rpartition("/")[2].replace("_", " ")
            choices.setdefault(f"banks on {city} time", bank.hours)
    choices |= {name: market.hours for name, market in scenario.markets.items() if market.hours != "always"}
    return choices | {
        name: system.hours
        for name, system in books(scenario).items()
        if system.central and system.hours != "always"
    }
