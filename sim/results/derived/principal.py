"""Who has paid away one currency and has not received the other yet may lose all of it (Herstatt risk)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.results.columns import codes, ident, instant, label, money, seconds
from sim.results.registry import derived
from sim.scenario.topology import home_currencies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.core.clock import Seconds
    from sim.core.currency import Amounts
    from sim.results.run import Run
    from sim.scenario.model import Scenario

#: `exchange`: a firm's deal at a market, until its delivery. `funding`: a treasury's purchase of a currency that is
#: not known to be its bank's, until the money is on the account. `correspondent`: money that has left the payer's
#: bank and is with correspondents, until the payee's bank has it.
KINDS: Final = ("exchange", "funding", "correspondent")

_COLUMNS: Final = ("kind", "payment_id", "holder", "currency", "amount", "paid_at", "final_at")


@derived(
    label("kind", "`exchange`, `funding` or `correspondent`"),
    ident("payment_id", "the payment; missing for a treasury's deal"),
    label("holder", "who paid and has not the other yet: a firm or a bank"),
    label("currency", "what was paid"),
    money("amount", "how much of it"),
    instant("paid_at", "when"),
    instant("final_at", "when what is due for it was final; missing if that lies beyond the run"),
    money("value", "the amount at mid when paid", of="reporting"),
    needs=("fx", "accounts", "payments", "transfers", "conversions", "funding", "returns"),
)
def principal_risk(run: Run) -> pd.DataFrame:
    """One row per amount that was paid away while its counter-value was not final, by `paid_at`.

    Who has paid away one currency and has not the other yet, may lose all of it (Herstatt risk).

    | kind | paid | final | by |
    | --- | --- | --- | --- |
    | `exchange` | a firm's deal, at `converted_at` | after the market's delivery (the later one of a cross) | the firm |
    | `funding` | a treasury's purchase of one currency for another, when dealt: `realised_value` at its market; where it has none, a purchase of a currency that is not its bank's, told by what is bought; of a bank without a side, whose currency is not known, every purchase in a run of more than one currency | when it is on the account | the bank |
    | `correspondent` | what a payment's first step moves to another bank than the payee's, part by part; not what a link delivers to the payer's bank | its last movement: until then the money is with correspondents | the payer's bank |

    The first two are principal risk in the sense of the BIS; the third has no counter-leg and is told beside them because
    the same money may be lost. What settles payment against payment is never at risk, because nothing is paid before the
    other leg is. Trade credit, which firms give each other knowingly, and the time in which banks work on money that they
    have are none of it.
    """
    scenario = run.scenario
    parts = [_exchanges(scenario, run), _funding(scenario, run), _correspondents(run)]
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    found = found[(found["final_at"] > found["paid_at"]) | found["final_at"].isna()]
    found["holder"] = pd.Categorical(found["holder"])
    found = found.sort_values(["paid_at", "kind", "holder"], kind="stable", ignore_index=True)
    found["payment_id"] = _ids(found["payment_id"], run["payments"]["payment_id"])
    found["value"] = run.value(found["amount"], found["currency"], found["paid_at"])
    categories = {"kind": list(KINDS), "currency": sorted({str(code) for code in found["currency"]})}
    for column, known in categories.items():
        found[column] = pd.Categorical(found[column], categories=pd.Index(known, dtype="str"))
    return found


def _exchanges(scenario: Scenario, tables: Run) -> pd.DataFrame:
    """Deals of firms: the payer pays its own currency and has the foreign one at delivery, the payee reversely.

    A payer who sells what came back does as a payee.
    """
    deals = tables["conversions"]
    deals = deals[deals["kind"].isin(["market", "sold_back"])]
    delivery = {name: market.delivery for name, market in scenario.markets.items()}
    # Payers buy, unless they sell what came back.
    buys = ((deals["bearer"] == "payer") & (deals["kind"] == "market")).to_numpy()
    # Of a cross, both deals are made at once, and the later delivery counts.
    lags = [
        np.append([delivery[name] for name in deals[column].cat.categories], 0)[codes(deals[column])]
        for column in ("market", "vehicle_market")
    ]
    lag = pd.to_timedelta(np.maximum(*lags).astype(np.int64), unit="s").as_unit("s")
    return _part(
        "exchange",
        payment_id=deals["payment_id"],
        holder=deals["firm"],
        currency=np.where(buys, np.asarray(deals["functional_currency"]), np.asarray(deals["currency"])),
        amount=np.where(buys, deals["realised_value"], deals["amount"]),
        paid_at=deals["converted_at"],
        final_at=deals["converted_at"] + lag,
    )


def _funding(scenario: Scenario, tables: Run) -> pd.DataFrame:
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


def _correspondents(tables: Run) -> pd.DataFrame:
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


def _final(attempts: pd.DataFrame, tables: Run) -> pd.Series:
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
