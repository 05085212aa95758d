"""Between two settlements of a clearing account its agents lend to each other what they have not squared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.currency import minor_digits
from sim.results.instants import instants, seconds
from sim.results.measure import Measure
from sim.results.promises import running_balances
from sim.scenario.model.kinds import kinds_that
from sim.scenario.model.settlement import System

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sim.engine.records import Records
    from sim.world.world import DrawnWorld

_MONEY = "major units of the unit of account"


def clearings_table(world: DrawnWorld, records: Records) -> pd.DataFrame:
    """One row per payment with which a debtor squares a position in a clearing account.

    `amount` is in the unit of account, `settled_amount` its value at mid of the instant in the currency of
    settlement; both in minor units.
    """
    rows, accounts, fx = records.clearings, world.network.accounts, world.fx
    systems = world.network.systems
    declared = [world.scenario.systems[systems[number]].squaring for number in rows.system.tolist()]
    squared = [squaring for squaring in declared if squaring is not None]
    currency = [squaring.currency for squaring in squared]
    settled_in = [squaring.settled_in or squaring.currency for squaring in squared]
    own, other = (np.array([fx.index(code) for code in codes], np.int64) for codes in (currency, settled_in))
    return pd.DataFrame(
        {
            "system": pd.Series([systems[number] for number in rows.system.tolist()], dtype="str"),
            "settled_at": instants(rows.at),
            "debtor": pd.Series([accounts.holder[number] for number in rows.debtor.tolist()], dtype="str"),
            "creditor": pd.Series(
                [accounts.holder[number] for number in rows.creditor.tolist()], dtype="str"
            ),
            "currency": pd.Series(currency, dtype="str"),
            "amount": rows.amount,
            "settled_in": pd.Series(settled_in, dtype="str"),
            "settled_amount": fx.convert(rows.amount, own, other, rows.at),
        }
    )


def clearing_measures(tables: Mapping[str, pd.DataFrame], period: tuple[int, int]) -> dict[str, Measure]:
    """Credit exposure by clearing account and debtor; none without such an account."""
    systems = tables["systems"]
    found = systems.loc[systems["kind"].isin(kinds_that(System, "squares")), "system"].tolist()
    if not found:
        return {}
    exposures = {system: _exposures(tables, system, period) for system in found}
    return {
        "credit_exposure_peak": Measure(
            {system: {name: peak for name, (peak, _) in held.items()} for system, held in exposures.items()},
            _MONEY,
        ),
        "credit_exposure_mean": Measure(
            {system: {name: mean for name, (_, mean) in held.items()} for system, held in exposures.items()},
            _MONEY,
        ),
    }


def _exposures(
    tables: Mapping[str, pd.DataFrame], system: str, period: tuple[int, int]
) -> dict[str, tuple[float, float]]:
    """Largest and time-weighted mean of max(0, −position) in the period, by agent."""
    accounts, postings = tables["accounts"], tables["postings"]
    at = seconds(postings["posted_at"])
    held = running_balances(
        accounts["opening_balance"].to_numpy(),
        postings["debit_account"].cat.codes.to_numpy(),
        postings["credit_account"].cat.codes.to_numpy(),
        postings["amount"].to_numpy(),
        at,
    )
    found = {}
    for number in np.flatnonzero((accounts["system"] == system).to_numpy()).tolist():
        scale = 10.0 ** minor_digits(str(accounts["currency"].iloc[number]))
        owed = np.maximum(-np.append(0, held[number].balance), 0) / scale
        since = np.clip(np.append(period[0], at[held[number].posting]), *period)
        lasted = np.append(since[1:], period[1]) - since
        peak = owed[lasted > 0].max(initial=0.0)
        mean = (owed * lasted).sum() / (period[1] - period[0])
        found[str(accounts["holder"].iloc[number])] = (float(peak), float(mean))
    return found


def clearing_efficiency(tables: Mapping[str, pd.DataFrame], system: str, period: tuple[int, int]) -> float:
    """1 − Σ over cycles of what agents owe on balance / Σ of what they paid over the account; NaN if nothing.

    Cycles end with a settlement; the bounds of the period cut off the first and the last one.
    """
    accounts, postings = tables["accounts"], tables["postings"]
    mine = np.flatnonzero((accounts["system"] == system).to_numpy())
    debit = postings["debit_account"].cat.codes.to_numpy().astype(np.int64)
    credit = postings["credit_account"].cat.codes.to_numpy().astype(np.int64)
    here = np.isin(debit, mine)
    paid = here & postings["payment_id"].notna().to_numpy()
    squared = here & ~paid
    # A batch of settlement begins a new cycle.
    cycle = np.cumsum(squared & (np.diff(squared.astype(np.int8), prepend=0) == 1))
    at = seconds(postings["posted_at"])
    rows = np.flatnonzero(paid & (at >= period[0]) & (at < period[1]))
    amount = postings["amount"].to_numpy()[rows]
    gross = int(amount.sum())
    if not gross:
        return float("nan")
    return 1 - _net(cycle[rows], debit[rows], credit[rows], amount, len(accounts)) / gross


def _net(
    cycle: NDArray[np.int64],
    debit: NDArray[np.int64],
    credit: NDArray[np.int64],
    amount: NDArray[np.int64],
    accounts: int,
) -> int:
    """Σ of max(0, sent − received) over cycles and accounts."""
    net = np.zeros((int(cycle.max()) + 1, accounts), dtype=np.int64)
    np.add.at(net, (cycle, debit), amount)
    np.subtract.at(net, (cycle, credit), amount)
    return int(np.maximum(net, 0).sum())
