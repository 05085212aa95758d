"""The standard measures of payment-system studies, by system, from the tables of a run.

Values are in major units of the system's currency. What cannot be computed, for want of a submission or of
anything to divide by, is None.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER
from sim.core.currency import minor_digits
from sim.results.clearing import clearing_efficiency
from sim.results.measure import Measure
from sim.results.standstills import STATES
from sim.results.system_days import Submitted, limited, submitted
from sim.scenario.model.kinds import kinds_that
from sim.scenario.model.settlement import System

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from sim.results.days import BusinessDays


_MONEY = "major units of the system's currency"
_UNITS = {
    "settlement_delay_indicator": "0 to 1",
    "netting_efficiency": "share of value",
    "turnover_ratio": "value a day / money available",
    "liquidity_efficiency": "value sent / largest net debits of the same days",
    "offset_ratio": "share of value submitted in the whole run",
    "optimality_gap": "share of the proven bound",
    **{f"{state}s": "episodes in the whole run" for state in STATES},
    **{f"{state}_seconds": "open seconds of the whole run" for state in STATES},
}


def system_measures(
    tables: Mapping[str, pd.DataFrame], days: Mapping[str, BusinessDays], period: tuple[int, int]
) -> dict[str, Measure]:
    """Measures by name, each by system, over the submissions in the period `[start, end)` and its days.

    The formulas stand in docs/measures.md.
    """
    found: dict[str, dict[str, float | None]] = {}
    for _, counts in tables["systems"].iterrows():
        system = str(counts["system"])
        scale = 10.0 ** minor_digits(str(counts["currency"]))
        values = _of_system(tables, system, days[system], period, scale)
        if counts["kind"] in kinds_that(System, "squares"):
            values["netting_efficiency"] = clearing_efficiency(tables, system, period)
        values |= {name: int(counts[name]) for state in STATES for name in (f"{state}s", f"{state}_seconds")}
        for name, value in values.items():
            found.setdefault(name, {})[system] = value if isfinite(value) else None
    return {name: Measure(values, _UNITS.get(name, _MONEY)) for name, values in found.items()}


def _of_system(
    tables: Mapping[str, pd.DataFrame],
    system: str,
    days: BusinessDays,
    period: tuple[int, int],
    scale: float,
) -> dict[str, float]:
    everything = submitted(tables, system, days)
    inside = (everything.submitted_at >= period[0]) & (everything.submitted_at < period[1])
    rows = Submitted(*(column[inside] for column in everything))
    by_day = tables["system_days"]
    counted = by_day[(by_day["system"] == system).to_numpy() & by_day["counted"].to_numpy()]
    busy = counted[(counted["submitted"] > 0).to_numpy()]
    return {
        "value_per_day": _mean(counted["submitted"]) / scale,
        "settlement_delay_indicator": settlement_delay_indicator(rows, days),
        "liquidity_upper_bound": _mean(busy["liquidity_upper_bound"]) / scale,
        "liquidity_lower_bound": _mean(busy["liquidity_lower_bound"]) / scale,
        "liquidity_efficiency": liquidity_efficiency(tables, system),
        "netting_efficiency": 1 - _ratio(busy["net_value"].sum(), busy["submitted"].sum()),
        "queue_peak_value": float(counted["queue_peak_value"].max()) / scale,
        "unsettled_value": float(rows.amount[rows.settled_at == NEVER].sum()) / scale,
        "turnover_ratio": turnover_ratio(rows, tables, system),
        "offset_ratio": offset_ratio(everything, tables, system),
        "optimality_gap": optimality_gap(tables, system),
    }


def settlement_delay_indicator(rows: Submitted, days: BusinessDays) -> float:
    """ρ = Σ a·(min(s, T) − e) / Σ a·(T − e), with entry e, settlement s and day's end T: 0 at once, 1 at the end.

    Bank of Finland's indicator (Leinonen and Soramäki) in continuous time. NaN if nothing was submitted.
    """
    amount, day_end = rows.amount.astype(np.float64), days.closes_at[rows.day]
    longest = (amount * (day_end - rows.submitted_at)).sum()
    waited = (amount * (np.minimum(rows.settled_at, day_end) - rows.submitted_at)).sum()
    return _ratio(waited, longest)


def liquidity_efficiency(tables: Mapping[str, pd.DataFrame], system: str) -> float:
    """Σ sent / Σ largest net debit of the same day, over the accounts that can run dry and the days counted."""
    accounts, intraday = tables["accounts"], tables["intraday"]
    mine = set(accounts.loc[limited(accounts) & (accounts["system"] == system).to_numpy(), "account"])
    rows = intraday[intraday["counted"].to_numpy() & intraday["account"].isin(mine).to_numpy()]
    return _ratio(rows["sent"].sum(), rows["net_debit_peak"].sum())


def turnover_ratio(rows: Submitted, tables: Mapping[str, pd.DataFrame], system: str) -> float:
    """Settled value per day / money available: opening balances and credit lines of the accounts that pay.

    NaN if nothing was submitted or no money is available.
    """
    accounts = tables["accounts"]
    mine = accounts[limited(accounts) & (accounts["system"] == system).to_numpy()]
    mine = mine[mine.index.isin(np.unique(rows.debit))]
    available = float((mine["opening_balance"] - mine["floor"]).sum())
    settled = float(rows.amount[rows.settled_at < NEVER].sum())
    return _ratio(settled, available * len(np.unique(rows.day)))


def offset_ratio(rows: Submitted, tables: Mapping[str, pd.DataFrame], system: str) -> float:
    """Value settled by offsetting / value submitted, in the whole run. NaN if nothing was submitted."""
    runs = tables["offsettings"]
    return _ratio(runs.loc[(runs["system"] == system).to_numpy(), "settled_value"].sum(), rows.amount.sum())


def optimality_gap(tables: Mapping[str, pd.DataFrame], system: str) -> float:
    """Largest (bound − settled) / bound of a run of `optimal` offsetting. NaN if there was none."""
    runs = tables["offsettings"]
    return float(runs.loc[(runs["system"] == system).to_numpy(), "gap"].max())


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")
