"""The standard measures of payment-system studies, by system, from the tables of a run.

A system's day is a working day of its hours; a submission belongs to the day of the session that it falls in, and the
day ends, for all measures, when its last session does. Values are in major units of the system's currency.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import NEVER, Seconds
from sim.core.currency import Amounts, minor_digits
from sim.results.instants import seconds
from sim.results.measures import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from sim.core.hours import OpeningHours


_MONEY = "major units of the system's currency"
_UNITS = {
    "settlement_delay_indicator": "0 to 1",
    "netting_efficiency": "share of value",
    "turnover_ratio": "value a day / money available",
    "gridlocks": "episodes in the whole run",
    "deadlocks": "episodes in the whole run",
}

Bound = Callable[["Submitted"], int]


class Submitted(NamedTuple):
    """Movements asked of one system in order of submission; banks are accounts, numbered from 0.

    `settled_at` is no later than `day_end`, the end of the day of submission; NEVER-settled is there, too.
    """

    day: NDArray[np.int64]
    day_end: Seconds
    debit: NDArray[np.int64]
    credit: NDArray[np.int64]
    amount: Amounts
    submitted_at: Seconds
    settled_at: Seconds

    def of_day(self, day: int) -> Submitted:
        """The movements of one day."""
        chosen = self.day == day
        return Submitted(*(column[chosen] for column in self))


def system_measures(
    tables: Mapping[str, pd.DataFrame], hours: Mapping[str, OpeningHours], period: tuple[int, int]
) -> dict[str, Measure]:
    """Measures by name, each by system; only submissions in the period `[start, end)` count.

    The formulas stand in docs/measures.md. A measure whose denominator is zero is left out.
    """
    found: dict[str, dict[str, float]] = {}
    for _, counts in tables["systems"].iterrows():
        system = str(counts["system"])
        rows = submitted(tables, system, hours[system], period)
        scale = 10.0 ** minor_digits(str(counts["currency"]))
        values = {
            "settlement_delay_indicator": settlement_delay_indicator(rows),
            "liquidity_upper_bound": mean_by_day(rows, upper_bound) / scale,
            "liquidity_lower_bound": mean_by_day(rows, lower_bound) / scale,
            "netting_efficiency": netting_efficiency(rows),
            "queue_peak_value": queue_peak(rows) / scale,
            "unsettled_value": float(rows.amount[rows.settled_at == NEVER].sum()) / scale,
            "turnover_ratio": turnover_ratio(rows, tables, system),
        } | {name: int(counts[name]) for name in ("gridlocks", "deadlocks")}
        for name, value in values.items():
            if not np.isnan(value):
                found.setdefault(name, {})[system] = value
    return {name: Measure(values, _UNITS.get(name, _MONEY)) for name, values in found.items()}


def submitted(
    tables: Mapping[str, pd.DataFrame], system: str, hours: OpeningHours, period: tuple[int, int]
) -> Submitted:
    """What was asked of a system in the period."""
    transfers = tables["transfers"]
    mine = transfers[(transfers["system"] == system).to_numpy()]
    entered = seconds(mine["submitted_at"])
    inside = (entered >= period[0]) & (entered < period[1])
    mine, entered = mine[inside], entered[inside]
    day = hours.value_date(entered).astype(np.int64)
    last_end = dict(zip(hours.value_dates.astype(np.int64).tolist(), hours.ends.tolist(), strict=True))
    return Submitted(
        day=day,
        day_end=np.array([last_end[one] for one in day.tolist()], dtype=np.int64),
        debit=mine["debit_account"].cat.codes.to_numpy().astype(np.int64),
        credit=mine["credit_account"].cat.codes.to_numpy().astype(np.int64),
        amount=mine["amount"].to_numpy(),
        submitted_at=entered,
        settled_at=seconds(mine["settled_at"]),
    )


def settlement_delay_indicator(rows: Submitted) -> float:
    """ρ = Σ a·(min(s, T) − e) / Σ a·(T − e), with entry e, settlement s and day's end T: 0 at once, 1 at the end.

    Bank of Finland's indicator (Leinonen and Soramäki) in continuous time. NaN if nothing was submitted.
    """
    amount = rows.amount.astype(np.float64)
    longest = (amount * (rows.day_end - rows.submitted_at)).sum()
    waited = (amount * (np.minimum(rows.settled_at, rows.day_end) - rows.submitted_at)).sum()
    return float(waited / longest) if longest else float("nan")


def upper_bound(rows: Submitted) -> int:
    """Σ over banks of max(0, −min of sent and received so far): what settling all at once on arrival takes."""
    total = 0
    for bank in np.union1d(rows.debit, rows.credit):
        change = np.where(rows.credit == bank, rows.amount, 0) - np.where(rows.debit == bank, rows.amount, 0)
        total += max(0, -int(np.cumsum(change).min()))
    return total


def lower_bound(rows: Submitted) -> int:
    """Σ over banks of max(0, −net of the day): what settling all together at the end takes."""
    return int(np.maximum(-_net(rows), 0).sum())


def netting_efficiency(rows: Submitted) -> float:
    """1 − Σ lower bound of each day / Σ amount; NaN if nothing was submitted."""
    gross = float(rows.amount.sum())
    return 1 - sum(lower_bound(day) for day in _days(rows)) / gross if gross else float("nan")


def mean_by_day(rows: Submitted, bound: Bound) -> float:
    """Mean of a bound over the days on which something was submitted; NaN if there is none."""
    found = [bound(day) for day in _days(rows)]
    return float(np.mean(found)) if found else float("nan")


def queue_peak(rows: Submitted) -> float:
    """Largest value that was submitted and not settled at one instant."""
    waited = rows.settled_at > rows.submitted_at
    at = np.concatenate([rows.submitted_at[waited], rows.settled_at[waited]])
    change = np.concatenate([rows.amount[waited], -rows.amount[waited]])
    # At one instant, what settles leaves before what comes in is counted.
    order = np.lexsort((change, at))
    return float(max(np.cumsum(change[order]).max(initial=0), 0))


def turnover_ratio(rows: Submitted, tables: Mapping[str, pd.DataFrame], system: str) -> float:
    """Settled value per day / money available: opening balances and credit lines of the accounts that pay.

    NaN if nothing was submitted or no money is available.
    """
    accounts = tables["accounts"]
    paying = np.unique(rows.debit)
    mine = accounts[(accounts["system"] == system).to_numpy() & (accounts["floor"] > -(2**61)).to_numpy()]
    mine = mine[mine.index.isin(paying)]
    available = float((mine["opening_balance"] - mine["floor"]).sum())
    days = len(np.unique(rows.day))
    settled = float(rows.amount[rows.settled_at < NEVER].sum())
    return settled / days / available if days and available else float("nan")


def _days(rows: Submitted) -> Iterator[Submitted]:
    for day in np.unique(rows.day):
        yield rows.of_day(day)


def _net(rows: Submitted) -> Amounts:
    """Received − sent by account."""
    net = np.zeros(int(max(rows.debit.max(), rows.credit.max())) + 1, dtype=np.int64)
    np.add.at(net, rows.credit, rows.amount)
    np.subtract.at(net, rows.debit, rows.amount)
    return net
