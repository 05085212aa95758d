"""What a firm needs to know is how much money of its own will come in, and how much less it might be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.results.risk import flow_at_risk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.results.results import Results


def cash_flows(results: Results) -> pd.DataFrame:
    """Flow of functional currency from obligations in foreign currency, by side and month of the period.

    Minor units: what payees received for the currency they sold, less what payers paid for what they bought, in
    the local month of the exchange, and the results of forwards in the month in which they were closed. What is
    exchanged after the period, or never, flows in no month: so slow settlement shows.
    """
    period = results.scenario.period
    deals, hedges = results["conversions"], results["hedges"]
    deals = deals[deals["kind"] == "market"]
    sign = np.where(deals["bearer"] == "payee", 1, -1)
    flows = pd.concat(
        [
            pd.DataFrame(
                {"side": deals["side"], "at": deals["converted_at"], "flow": sign * deals["realised_value"]}
            ),
            pd.DataFrame({"side": hedges["side"], "at": hedges["closed_at"], "flow": hedges["result"]}),
        ],
        ignore_index=True,
    )
    local = flows["at"].dt.tz_convert(period.zone).dt.tz_localize(None)
    months = pd.period_range(_local(period.start, period.zone), _before(period.end, period.zone), freq="M")
    sides = list(results.scenario.sides)
    total = flows.groupby([flows["side"].astype(str), local.dt.to_period("M")])["flow"].sum()
    index = pd.MultiIndex.from_product([sides, months], names=["side", "month"])
    table = total.reindex(index, fill_value=0).astype(np.int64).rename("cash_flow").reset_index()
    home = {side: declared.functional_currency for side, declared in results.scenario.sides.items()}
    table.insert(2, "functional_currency", table["side"].map(home))
    return table


def cash_flow_at_risk(runs: Sequence[Results], level: float = 0.95) -> pd.DataFrame:
    """Expected flow of functional currency by side and month over several runs, and how far it may fall short.

    The runs are replications of one scenario: other seeds, or other draws. `expected` is their mean, `low` the
    quantile of 1 − level, `cash_flow_at_risk` = expected − low, all in minor units of `functional_currency`.
    ValueError for fewer than two runs.
    """
    if len(runs) < 2:  # noqa: PLR2004 - a spread needs two
        raise ValueError("a cash flow at risk needs at least two runs")
    tables = [cash_flows(run) for run in runs]
    keys = ["side", "month", "functional_currency"]
    if any(not table[keys].equals(tables[0][keys]) for table in tables):
        raise ValueError("the runs differ in their sides or in their period")
    cases = np.column_stack([table["cash_flow"] for table in tables]).astype(np.float64)
    at_risk = flow_at_risk(cases, level)
    expected = cases.mean(axis=1)
    return tables[0][keys].assign(expected=expected, low=expected - at_risk, cash_flow_at_risk=at_risk)


def _local(instant: object, zone: str) -> pd.Timestamp:
    at = pd.Timestamp(instant)  # type: ignore[arg-type]
    return at.tz_convert(zone).tz_localize(None) if at.tzinfo else at


def _before(instant: object, zone: str) -> pd.Timestamp:
    return _local(instant, zone) - pd.Timedelta(seconds=1)
