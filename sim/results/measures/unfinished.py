"""Delays at most.

Of a payment that is not credited by the end of the run nobody knows how long it will have taken, so what `delay` counts
for it is the least. The measures here count it as never credited instead: a delay lies between the two, and where they
agree it is known. The summary and the figure `delay` write `≥` before a number that could be larger, to the digits
shown: a mean as soon as one payment is not credited, a percentile where it lies beyond what is credited, or would lie
higher if what is not credited came last; and before days of `lateness` as soon as a payee of that side is unpaid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.core.clock import HOUR
from sim.results.columns import seconds
from sim.results.measures.payments import counted, delay, delay_by_route
from sim.results.measures.sums import plain
from sim.results.registry import measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from sim.results.run import Run

    Profile = Mapping[str, float]
    AtMost = dict[str, float | None]

_PERCENTILES: Final = {"p50": 50, "p95": 95, "p99": 99}
_NEEDS: Final = ("fx", "payments")


@measure("hours", "lower", _NEEDS)
def delay_at_most(run: Run) -> AtMost:
    """`delay` if counted payments that are not credited by the end of the run never were; null if it had no end.

    Means have none as soon as there is one such payment, a percentile if it lies at one, or between one and another.
    """
    return _at_most(counted(run), delay(run))


@measure("hours", "lower", _NEEDS)
def delay_at_most_by_route(run: Run) -> dict[str, AtMost]:
    """The same by route, see `delay_by_route`."""
    told = delay_by_route(run)
    groups = counted(run).groupby("route", observed=True)
    return {
        str(route): _at_most(group, {name: told[str(route)][name] for name in delay(run)})
        for route, group in groups
    }


@measure("share of obligations", "lower", ("obligations", "payments"))
def unpaid_share(run: Run) -> dict[str, float]:
    """Obligations due in the period whose payment is not credited by the end of the run, ordered or not, by payee's side.

    Their number / that of all that fall due in the period.
    """
    obligations, payments, (start, end) = run["obligations"], run["payments"], run.period
    due_at = seconds(obligations["due_at"])
    due = obligations[(due_at >= start) & (due_at < end)]
    paid = payments.loc[payments["credited_at"].notna(), "obligation_id"].dropna()
    unpaid = ~due["obligation_id"].isin(paid)
    return plain(unpaid.groupby(due["payee_side"], observed=True).mean())


def _at_most(rows: pd.DataFrame, told: Profile) -> AtMost:
    """The numbers told of some payments, where those not credited count as never credited."""
    credited = rows["credited_at"].notna()
    if credited.all():
        return dict(told)
    found: AtMost = dict.fromkeys(told)
    hours = rows["delay"].where(credited, rows["delay"][credited].max()) / HOUR
    for name, percent in _PERCENTILES.items():
        # The two neighbours between which the percentile lies, or the one at which it does, in whole numbers.
        below, between = divmod(percent * (len(rows) - 1), 100)
        if below + bool(between) < credited.sum():
            found[name] = float(np.quantile(hours, percent / 100))
    return found
