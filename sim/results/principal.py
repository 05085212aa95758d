"""Who has paid away one currency and has not received the other yet may lose all of it (Herstatt risk)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.core.clock import HOUR
from sim.results.instants import instants, seconds
from sim.results.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.currency import Amounts
    from sim.scenario.model import Scenario

    Tables = Mapping[str, pd.DataFrame]

#: `exchange`: a firm's deal at a market, until its delivery. `funding`: a treasury's purchase of a currency that is
#: not known to be its bank's, until the money is on the account. `correspondent`: money that has left the payer's
#: bank and is with correspondents, until the payee's bank has it.
KINDS: Final = ("exchange", "funding", "correspondent")

_COLUMNS: Final = ("kind", "payment_id", "holder", "currency", "amount", "paid_at", "final_at")


def principal_risk_table(scenario: Scenario, tables: Tables) -> pd.DataFrame:
    """One row per amount that was paid away while its counter-value was not final.

    `amount` in minor units of `currency` was paid by `holder` (a firm or a bank) at `paid_at`; what is due for it
    was final at `final_at`, missing if that lies beyond the run. `value` is the amount at mid at `paid_at`, in
    minor units of the reporting currency. In order of `paid_at`. What settles payment against payment has no row,
    because nothing is paid before the other leg is; nor has trade credit, which firms give each other knowingly.
    """
    parts = [_exchanges(scenario, tables), _funding(scenario, tables), _correspondents(tables)]
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    found = found[(found["final_at"] > found["paid_at"]) | found["final_at"].isna()]
    found = found.sort_values(["paid_at", "kind", "holder"], kind="stable", ignore_index=True)
    found["payment_id"] = _ids(found["payment_id"], tables["payments"]["payment_id"])
    value = Valuation(tables["fx"], scenario.reporting_currency)
    found["value"] = value.of(found["amount"], found["currency"], found["paid_at"])
    categories = {"kind": list(KINDS), "currency": sorted({str(code) for code in found["currency"]})}
    for column, known in categories.items():
        found[column] = pd.Categorical(found[column].astype(str), categories=pd.Index(known, dtype="str"))
    found["holder"] = pd.Categorical(found["holder"].astype(str))
    return found


def _exchanges(scenario: Scenario, tables: Tables) -> pd.DataFrame:
    """Deals of firms: the payer pays its own currency and has the foreign one at delivery, the payee reversely.

    A payer who sells what came back does as a payee.
    """
    deals = tables["conversions"]
    deals = deals[deals["kind"].isin(["market", "sold_back"])]
    delivery = {name: pd.Timedelta(seconds=market.delivery) for name, market in scenario.markets.items()}
    # Payers buy, unless they sell what came back.
    buys = ((deals["bearer"] == "payer") & (deals["kind"] == "market")).to_numpy()
    # Of a cross, both deals are made at once, and the later delivery counts.
    lags = [
        pd.to_timedelta(deals[column].astype(object).map(delivery)).fillna(pd.Timedelta(0))
        for column in ("market", "vehicle_market")
    ]
    lag = lags[0].where(lags[0] >= lags[1], lags[1])
    return _part(
        "exchange",
        payment_id=deals["payment_id"],
        holder=deals["firm"],
        currency=np.where(buys, deals["functional_currency"].astype(str), deals["currency"].astype(str)),
        amount=np.where(buys, deals["realised_value"], deals["amount"]),
        paid_at=deals["converted_at"],
        final_at=deals["converted_at"] + lag,
    )


def _funding(scenario: Scenario, tables: Tables) -> pd.DataFrame:
    """Purchases of treasuries in one currency for another, from the deal to the delivery.

    What was paid is known where the treasury deals at a market. Where it does not, a currency that is not its
    bank's was bought for the bank's own, and what was paid is told by what was bought. A bank without a side has
    no currency of its own that is known: all that it buys may be foreign, unless the scenario knows one currency only.
    """
    deals, accounts = tables["funding"], tables["accounts"]
    held = accounts.iloc[pd.Index(accounts["account"]).get_indexer(deals["account"].astype(str))]
    bought, home = held["currency"].astype(str).to_numpy(), home_currencies(scenario)
    known = {*accounts["currency"], *home.values()}
    own = np.array([home.get(holder, "") for holder in held["holder"]], dtype=object)
    against = deals["against"].astype(object).to_numpy()
    priced = deals["against"].notna().to_numpy()
    foreign = np.where(priced, against != bought, (own != bought) & (len(known) > 1))
    chosen = np.flatnonzero(foreign & (deals["amount"] > 0).to_numpy() & deals["dealt_at"].notna().to_numpy())
    amount = np.where(priced, deals["realised_value"].fillna(0), deals["amount"])
    rows = deals.iloc[chosen]
    return _part(
        "funding",
        payment_id=pd.Series([None] * len(rows), dtype=object),
        holder=held["holder"].iloc[chosen],
        currency=np.where(priced, against, bought)[chosen],
        amount=amount[chosen].astype(np.int64),
        paid_at=rows["dealt_at"],
        final_at=rows["delivered_at"],
    )


def _correspondents(tables: Tables) -> pd.DataFrame:
    """Payments that left the payer's bank and passed correspondents before the payee's bank had them.

    A payment that is split leaves part by part. What a link delivers to the payer's bank has not left it yet, and
    what the payee's bank has received is not with correspondents any more. An attempt that was sent back ends when
    the payee's bank has the money, or else when the payer's bank has it again.
    """
    payments, transfers = tables["payments"].set_index("payment_id"), tables["transfers"]
    accounts = tables["accounts"].set_index("account").astype(object)
    settled = transfers[transfers["settled_at"].notna() & (transfers["kind"] == "payment")]
    of = payments.loc[settled["payment_id"], ["currency", "payer_bank", "payee_bank", "settled_at"]]
    currency, payer_bank, payee_bank = (of[name].astype(object).to_numpy() for name in of.columns[:3])
    moved = accounts.loc[settled["credit_account"].astype(object)]
    to, linked = moved["holder"].to_numpy(), settled["link"].notna().to_numpy()
    away = (moved["currency"].to_numpy() == currency) & (to != payee_bank) & ~(linked & (to == payer_bank))
    settled, of = settled[away], of[away]
    keys = ["payment_id", "attempt"]
    first = (settled["step"] == settled.groupby(keys)["step"].transform("min")).to_numpy()
    settled, of = settled[first], of[first]
    attempts = settled[keys].assign(settled_at=of["settled_at"].array)
    return _part(
        "correspondent",
        payment_id=settled["payment_id"],
        holder=of["payer_bank"],
        currency=of["currency"],
        amount=settled["amount"],
        paid_at=settled["settled_at"],
        final_at=_final(attempts, tables),
    )


def _final(attempts: pd.DataFrame, tables: Tables) -> pd.Series:
    """When the money of each attempt was with either party's bank for good, missing if it was not in time.

    `settled_at` of `attempts` is when that of the last one was with the payee's bank, missing if that was sent back.
    """
    keys = ["payment_id", "attempt"]
    failed = tables["returns"][[*keys, "returned_at"]]
    moves = tables["transfers"].merge(failed[keys], on=keys)
    payee_bank = tables["payments"].set_index("payment_id")["payee_bank"].astype(object)
    holder = tables["accounts"].set_index("account")["holder"].astype(object)
    to = holder.loc[moves["credit_account"].astype(object)].to_numpy()
    there = (to == payee_bank.loc[moves["payment_id"]].to_numpy()) & (moves["kind"] == "payment").to_numpy()
    reached = moves[there].groupby(keys)["settled_at"].max().rename("reached_at").reset_index()
    told = attempts.merge(failed.merge(reached, on=keys, how="left"), on=keys, how="left", indicator="was")
    ended = told["reached_at"].fillna(told["returned_at"])
    return told["settled_at"].where(told["was"] != "both", ended).set_axis(attempts.index)


def _part(kind: str, **columns: Iterable[object]) -> pd.DataFrame:
    plain = {name: pd.Series(values).reset_index(drop=True) for name, values in columns.items()}
    for name in ("payment_id", "holder", "currency"):
        plain[name] = plain[name].astype(object)
    return pd.DataFrame({"kind": kind, **plain})[list(_COLUMNS)]


def _ids(found: pd.Series, known: pd.Series) -> pd.Series:
    """Payment numbers as whole numbers, with gaps where there are any; names that users gave as text."""
    if pd.api.types.is_integer_dtype(known.dtype):
        numbers = found.where(found.notna(), None).astype("Int64")
        return numbers if numbers.hasnans else numbers.astype(np.int64)
    return found.astype(known.dtype)


def home_currencies(scenario: Scenario) -> dict[str, str]:
    """The currency in which each bank keeps its books, by bank; one without a side keeps none that is known."""
    return {
        name: scenario.sides[bank.side].functional_currency
        for name, bank in scenario.banks.items()
        if bank.side is not None
    }


def principal_risk_measures(table: pd.DataFrame, start: int, end: int) -> dict[str, tuple[int, float]]:
    """Peak in minor units, and value-hours in minor units · hours, in `[start, end)`; by kind and of all."""
    groups = {kind: table[table["kind"] == kind] for kind in KINDS} | {"all": table}
    found = {}
    for kind, rows in groups.items():
        at, level = at_risk(rows, start, end)
        lasting = np.diff(np.append(at, end)) / HOUR
        found[kind] = (int(level.max(initial=0)), float((level * lasting).sum()))
    return found


def at_risk(table: pd.DataFrame, start: int, end: int) -> tuple[Seconds, Amounts]:
    """Instants in `[start, end)` at which the value at risk changes, and that value from each of them on."""
    paid, final = seconds(table["paid_at"]), seconds(table["final_at"])
    value = table["value"].to_numpy(dtype=np.int64)
    within = (final > start) & (paid < end)
    at = np.concatenate([np.maximum(paid[within], start), np.minimum(final[within], end)])
    change = np.concatenate([value[within], -value[within]])
    instant, place = np.unique(at, return_inverse=True)
    total = np.zeros(len(instant), dtype=np.int64)
    np.add.at(total, place, change)
    level = np.cumsum(total)
    inside = instant < end
    return instant[inside], level[inside]


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
