"""A system in which value settles late in the day leaves its participants little time when something fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import DAY, HOUR
from sim.results.columns import label, names, real, whole
from sim.results.days import business_days
from sim.results.derived.system_days import submitted
from sim.results.registry import derived

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.results.days import BusinessDays
    from sim.results.derived.system_days import Submitted
    from sim.results.run import Run

    Floats = NDArray[np.float64]


@derived(
    label("system", "the system"),
    label("account", "the paying account; missing for the system as a whole"),
    whole(
        "hour",
        "full hours since the local midnight that begins the business day, below 0 and above 24 too",
        "hours",
    ),
    real("submitted_share", "of the day's value, what was submitted by then", "share of value"),
    real(
        "settled_share",
        "of the day's value, what has settled by then, that instant included",
        "share of value",
    ),
    needs=("accounts", "transfers", "sessions"),
)
def throughput(run: Run) -> pd.DataFrame:
    """One row per system, or account that pays, and hour: how much of a day's value was submitted and has settled by then.

    Means over the days counted on which something was submitted, each with the same weight; hours are those of the zone
    of the system's hours. What settles on a later day never counts.
    """
    table = pd.concat([_of_system(run, system) for system in business_days(run)], ignore_index=True)
    known = run["accounts"]["account"].tolist()
    table["account"] = names(known, table["account"].to_numpy(dtype=np.int64))
    return table.astype({"system": "category"})


def _of_system(run: Run, system: str) -> pd.DataFrame:
    days = business_days(run)[system]
    rows, counted = submitted(run, system), np.flatnonzero(days.counted)
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
    for amounts, in_all in ((by_hour.sum(axis=0), total.sum(axis=0)), *zip(by_hour, total, strict=True)):
        busy = in_all > 0
        if busy.any():
            found.append((amounts[busy] / in_all[busy, None]).mean(axis=0))
    return np.array(found)
