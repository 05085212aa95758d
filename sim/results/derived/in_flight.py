"""Payments pile up while a country rests: how many are under way each night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.results.columns import instant, local_date, seconds, whole
from sim.results.days import local_days
from sim.results.derived.trade import cancelled_at
from sim.results.registry import derived

if TYPE_CHECKING:
    from sim.results.run import Run


@derived(
    local_date("date", "the local day (zone of the period)"),
    instant("at", "the midnight that ends it"),
    whole("payments", "how many were under way then", "payments"),
    needs=("payments", "returns"),
)
def in_flight(run: Run) -> dict[str, Any]:
    """One row per local day of the period: payments instructed before its last midnight and not over by then.

    A payment is over when it is credited or cancelled. An order at that midnight is the next day's; a credit counts.
    """
    days, midnights = local_days(run.window)
    payments, at = run["payments"], midnights[1:]
    begun = seconds(payments["instructed_at"])
    done = np.minimum(seconds(payments["credited_at"]), cancelled_at(run))
    # What takes no time is never under way, at midnight neither.
    lasting = begun < done
    begun, done = np.sort(begun[lasting]), np.sort(done[lasting])
    return {
        "date": np.array(days, dtype="datetime64[D]"),
        "at": at,
        "payments": np.searchsorted(begun, at, side="left") - np.searchsorted(done, at, side="right"),
    }
