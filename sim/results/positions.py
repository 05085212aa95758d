"""A position is what its holder gains if the currency gains: a firm's is told at each change, a bank's each day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.results.columns import names
from sim.results.instants import instants
from sim.results.principal import home_currencies
from sim.results.spans import KINDS, net_open_position
from sim.results.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.results.book import FirmBooks
    from sim.scenario.model import Scenario
    from sim.world.world import World


def positions_table(world: World, book: FirmBooks) -> pd.DataFrame:
    """One row per firm, currency and instant at which its position changed, with what it was from then on.

    Minor units; by firm, currency, instant, up to the end of the run. `net_open_position` = receivable − payable
    + cash + forwards (bought − sold); before a firm's first row of a currency it is zero.
    """
    spans, end = book.spans, world.window.end
    firm, currency, kind = (np.tile(column, 2) for column in (spans.firm, spans.currency, spans.kind))
    at = np.concatenate([spans.since, spans.until])
    change = np.concatenate([spans.amount, -spans.amount])
    # A span of no length would tell two changes that cancel out.
    real = np.flatnonzero((at < end) & np.tile(spans.since < spans.until, 2))
    order = real[np.lexsort((at[real], currency[real], firm[real]))]
    firm, currency, kind, at, change = (column[order] for column in (firm, currency, kind, at, change))
    holder = firm * len(world.fx.currencies) + currency
    last = _ends(holder, at)
    first_of_holder = np.flatnonzero(np.concatenate([[True], holder[1:] != holder[:-1]])[: len(holder)])
    lengths = np.diff(np.append(first_of_holder, len(holder)))
    totals = {}
    for number, name in enumerate(KINDS):
        running = np.cumsum(np.where(kind == number, change, 0))
        before = np.concatenate([[0], running])[first_of_holder]
        totals[name] = (running - np.repeat(before, lengths))[last]
    return pd.DataFrame(
        {
            "at": instants(at[last]),
            "firm": names(world.firms.labels, firm[last]),
            "currency": names(world.fx.currencies, currency[last]),
            **totals,
            "net_open_position": net_open_position(totals),
        }
    )


def _ends(holder: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The last of the rows of one holder and instant."""
    differs = (holder[1:] != holder[:-1]) | (at[1:] != at[:-1])
    return np.flatnonzero(np.append(differs, True)[: len(holder)])


def bank_positions_table(scenario: Scenario, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What each bank has on its accounts in foreign currency at the end of each local day.

    `balance` in minor units, over all accounts that others keep for the bank (a servicer's own position is what
    it owes its account holders); `balance_reporting` at that day's mid in the reporting currency. `date` is the
    local midnight that begins the day. A bank without a side has no currency of its own that is known, and no row.
    """
    accounts, home = tables["accounts"], home_currencies(scenario)
    chosen = [
        servicer != holder and home.get(holder, currency) != currency
        for holder, servicer, currency in zip(
            accounts["holder"], accounts["servicer"], accounts["currency"], strict=True
        )
    ]
    foreign = accounts[np.array(chosen, dtype=np.bool_)]
    balances = tables["balances"]
    rows = balances[balances["account"].isin(foreign["account"])]
    of = foreign.iloc[pd.Index(foreign["account"]).get_indexer(rows["account"].astype(str))]
    codes, banks = sorted(set(foreign["currency"])), list(dict.fromkeys(foreign["holder"]))
    table = pd.DataFrame(
        {
            "date": rows["date"].reset_index(drop=True),
            "bank": names(banks, pd.Index(banks).get_indexer(of["holder"]).astype(np.int64)),
            "currency": names(codes, pd.Index(codes).get_indexer(of["currency"]).astype(np.int64)),
            "balance": rows["closing_balance"].to_numpy(dtype=np.int64),
        }
    )
    total = table.groupby(["bank", "currency", "date"], observed=True)["balance"].sum().reset_index()
    value = Valuation(tables["fx"], scenario.reporting_currency)
    total["balance_reporting"] = value.of(total["balance"], total["currency"], total["date"])
    return total[["date", "bank", "currency", "balance", "balance_reporting"]]
