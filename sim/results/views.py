"""Further looks at a run: the course of a day, the profile of a week, the flows of a month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import HOUR
from sim.core.currency import minor_digits
from sim.results.columns import instants
from sim.results.derived.principal import at_risk
from sim.results.derived.system_days import limited
from sim.results.risk import flow_at_risk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.results.results import Results


def busiest_systems(results: Results, most: int) -> list[str]:
    """The systems with the largest value a day at mid, largest first, among those in which money can run out."""
    values = results.measures["value_per_day"].value
    systems, accounts = results.systems.set_index("system"), results.accounts
    short = set(accounts.loc[limited(accounts), "system"])
    names = [name for name, value in values.items() if value and name in short]
    codes = systems.loc[names, "currency"]
    minor = pd.Series([round(values[name] * 10 ** minor_digits(codes[name])) for name in names], index=names)
    run = results.run
    value = run.value(minor.astype(np.int64), codes, run.period[0])
    return [str(name) for name in value.sort_values(ascending=False, kind="stable").index[:most]]


def course_of_day(
    results: Results, system: str, opens_at: pd.Timestamp, closes_at: pd.Timestamp
) -> pd.DataFrame:
    """What each account of a system could spend, and what waited to be paid from it, from one instant to another.

    A row per instant at which something changed, the first at `opens_at` and the last at `closes_at`. In minor units, a
    column (`available`, account) for each that can run dry, its balance and credit line, and (`waiting`, account) for
    each of these and each other on which anything waited. Values hold until the next row.
    """
    accounts, postings, transfers = results.accounts, results.postings, results.transfers
    mine = accounts[limited(accounts) & (accounts["system"] == system).to_numpy()]
    names = mine["account"].tolist()
    rows = transfers[(transfers["system"] == system).to_numpy()]
    waited = rows[(rows["settled_at"].isna() | (rows["settled_at"] > rows["submitted_at"])).to_numpy()]
    debits = postings[postings["debit_account"].isin(names).to_numpy()]
    credits_ = postings[postings["credit_account"].isin(names).to_numpy()]
    changes = pd.concat(
        [
            _changes(
                pd.Series(opens_at, index=mine.index),
                "available",
                mine["account"],
                mine["opening_balance"] - mine["floor"],
            ),
            _changes(debits["posted_at"], "available", debits["debit_account"], -debits["amount"]),
            _changes(credits_["posted_at"], "available", credits_["credit_account"], credits_["amount"]),
            _changes(waited["submitted_at"], "waiting", waited["debit_account"], waited["amount"]),
            _changes(waited["settled_at"], "waiting", waited["debit_account"], -waited["amount"]),
        ]
    )
    changes = changes[(changes["at"] <= closes_at).to_numpy()]
    # What happened before the opening is all there at the opening.
    changes["at"] = changes["at"].where(changes["at"] > opens_at, opens_at)
    course = changes.pivot_table(
        index="at", columns=["what", "account"], values="change", aggfunc="sum", fill_value=0
    )
    others = sorted(set(waited["debit_account"].astype(str)) - set(names))
    columns = [("available", name) for name in names] + [("waiting", name) for name in [*names, *others]]
    course = course.reindex(columns=pd.MultiIndex.from_tuples(columns), fill_value=0).cumsum()
    return course.reindex(course.index.union([opens_at, closes_at])).ffill().astype(np.int64)


def _changes(
    at: pd.Series[pd.Timestamp], what: str, account: pd.Series[str], change: pd.Series[int]
) -> pd.DataFrame:
    found = pd.DataFrame({"at": at, "what": what, "account": account, "change": change})
    return found.astype({"account": "str", "at": "datetime64[s, UTC]"})


def weekly_profile(table: pd.DataFrame, start: int, end: int, zone: str) -> NDArray[np.float64]:
    """Mean value at risk by weekday (Monday first) and hour of `zone` over `[start, end)`, [7, 24].

    Minor units of the reporting currency; not a number for an hour of the week that did not occur.
    """
    edges = np.arange(start - start % HOUR, end + HOUR, HOUR, dtype=np.int64)
    edges = np.unique(np.clip(edges, start, end))
    at, level = at_risk(table, start, end)
    # Integrated up to every edge; the level holds from each instant to the next.
    instants_ = np.concatenate([[start], at, [end]])
    steps = np.concatenate([[0], level])
    area = np.concatenate([[0.0], np.cumsum(steps * np.diff(instants_).astype(np.float64))])
    hours = np.diff(np.interp(edges, instants_, area))
    local = pd.DatetimeIndex(instants(edges[:-1])).tz_convert(zone)
    cell = local.day_of_week.to_numpy() * 24 + local.hour.to_numpy()
    total = np.bincount(cell, hours, 7 * 24)
    lasting = np.bincount(cell, np.diff(edges), 7 * 24)
    mean = np.divide(total, lasting, out=np.full(7 * 24, np.nan), where=lasting > 0)
    return np.asarray(mean.reshape(7, 24))


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
