"""A system in which value settles late in the day leaves its participants little time when something fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import DAY, HOUR
from sim.results.columns import names
from sim.results.measure import Measure
from sim.results.system_days import submitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.results.days import BusinessDays
    from sim.results.system_days import Submitted

    Floats = NDArray[np.float64]

_HOURS = DAY // HOUR


def throughput_table(tables: Mapping[str, pd.DataFrame], days: Mapping[str, BusinessDays]) -> pd.DataFrame:
    """How much of a day's value was submitted and has settled by each full hour, as a mean over days.

    One row per system and hour, and per account that pays and hour (`account` is missing for the system as a
    whole). `hour` counts from the local midnight (zone of the system's hours) that begins the business day, and
    may be negative or beyond 24; `submitted_share` and `settled_share` are shares of the value that was
    submitted on the day. Days counted on which something was submitted, each with the same weight.
    """
    parts = [_of_system(tables, str(name), days[str(name)]) for name in tables["systems"]["system"]]
    table = pd.concat(parts, ignore_index=True)
    known = tables["accounts"]["account"].tolist()
    table["account"] = names(known, table["account"].to_numpy(dtype=np.int64))
    return table.astype({"system": "category"})


def _of_system(tables: Mapping[str, pd.DataFrame], system: str, days: BusinessDays) -> pd.DataFrame:
    rows, counted = submitted(tables, system, days), np.flatnonzero(days.counted)
    rows = type(rows)(*(column[np.isin(rows.day, counted)] for column in rows))
    hours = _hours(days)
    payers, payer = np.unique(rows.debit, return_inverse=True)
    shape = (len(payers), len(days), len(hours))
    shares = {
        name: _shares(shape, rows, payer, at, days, hours[0])
        for name, at in (("submitted_share", rows.submitted_at), ("settled_share", rows.settled_at))
    }
    accounts = np.concatenate([[-1], payers]) if len(payers) else payers
    return pd.DataFrame(
        {
            "system": system,
            "account": np.repeat(accounts, len(hours)),
            "hour": np.tile(hours, len(accounts)),
            **{name: found.ravel() for name, found in shares.items()},
        }
    )


def _hours(days: BusinessDays) -> NDArray[np.int64]:
    """Full hours from the one in which the earliest day opens to the first at which every day has closed."""
    every = np.arange(len(days))
    first = days.since_midnight(days.opens_at, every).min(initial=DAY) // HOUR
    last = -(-days.since_midnight(days.closes_at, every).max(initial=0) // HOUR)
    return np.arange(first, max(last, first) + 1, dtype=np.int64)


def _shares(
    shape: tuple[int, int, int],
    rows: Submitted,
    payer: NDArray[np.int64],
    at: Seconds,
    days: BusinessDays,
    first: int,
) -> Floats:
    """Mean over days of the share of the value for which `at` has come by each hour, that instant included.

    By hour, for all payers together and then for each. What comes after the day does not count.
    """
    value, total = np.zeros(shape), np.zeros(shape[:2])
    np.add.at(total, (payer, rows.day), rows.amount)
    in_time = np.flatnonzero(at <= days.closes_at[rows.day])
    day = rows.day[in_time]
    hour = -(-days.since_midnight(at[in_time], day) // HOUR) - first
    np.add.at(value, (payer[in_time], day, hour), rows.amount[in_time])
    by_hour = np.cumsum(value, axis=2)
    found = []
    for amounts, whole in ((by_hour.sum(axis=0), total.sum(axis=0)), *zip(by_hour, total, strict=True)):
        busy = whole > 0
        if busy.any():
            found.append((amounts[busy] / whole[busy, None]).mean(axis=0))
    return np.array(found)


def throughput_measure(table: pd.DataFrame, systems: pd.Series) -> Measure:
    """The `settled_share` of each system by local time of day, from its first hour with any."""
    whole = table[table["account"].isna().to_numpy()]
    found = {}
    for system in systems:
        rows = whole[(whole["system"] == system).to_numpy()]
        found[str(system)] = {
            clock(hour): float(share)
            for hour, share in zip(rows["hour"].tolist(), rows["settled_share"], strict=True)
        }
    return Measure(found, "share of the value submitted that day, by the end of each local hour")


def clock(hour: int) -> str:
    """An hour of a business day as opening hours are written: `T-1 21:00`, `09:00`, `24:00`, `T+1 03:00`."""
    if hour < 0:
        return f"T-1 {hour + _HOURS:02}:00"
    return f"{hour:02}:00" if hour <= _HOURS else f"T+1 {hour - _HOURS:02}:00"
