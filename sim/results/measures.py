"""The headline numbers: each is a formula over the saved tables, and each carries its unit.

Amounts of several currencies are added up in the scenario's reporting currency: every single amount is valued
at mid (at the due date for payments, at the charge for fees, at the conversion for FX results), rounded to
whole minor units, then summed; the headline shows major units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sim.core.causes import CAUSES
from sim.core.clock import HOUR
from sim.core.currency import minor_digits
from sim.results.fx_causes import FX_CAUSES
from sim.results.liquidity import liquidity_used
from sim.results.measure import Measure
from sim.results.valuation import Valuation
from sim.scenario.topology import MARKET

if TYPE_CHECKING:
    from collections.abc import Mapping


def measures(
    tables: Mapping[str, pd.DataFrame], reporting_currency: str, start: pd.Timestamp, end: pd.Timestamp
) -> dict[str, Measure]:
    """The headline numbers of payments, exposure and liquidity.

    `start` is the beginning of the period, `end` the instant until which payments were followed. Payment and
    delay measures are over payments that fell due within the period (`counted`). A payment not credited by
    `end` enters the delays with the time until then.
    """
    payments = tables["payments"]
    value = Valuation(tables["fx"], reporting_currency)
    counted = payments[payments["counted"]].copy()
    counted["value"] = value.of(counted["amount"], counted["currency"], counted["due_at"])
    counted["delay"] = (counted["credited_at"].fillna(end) - counted["instructed_at"]).dt.total_seconds()
    scale = 10 ** minor_digits(reporting_currency)
    return {
        **_volume(counted, reporting_currency, scale),
        **_delays(counted),
        "delay_by_city": Measure(_delay_by_city(counted, tables["firms"]), "hours; payments"),
        **_exposure(tables["exposure"], reporting_currency, scale),
        **_fx_results(tables, value, reporting_currency, scale),
        **_exchanged(tables, value, reporting_currency, scale),
        **_fees(tables, value, reporting_currency, scale),
        **_liquidity(tables, value, reporting_currency, start),
    }


def _volume(counted: pd.DataFrame, currency: str, scale: int) -> dict[str, Measure]:
    """Number and value due in the period, and the shares of them credited by the end."""
    settled = counted["status"] == "settled"
    total = counted["value"].sum()
    by_currency = counted.groupby("currency", observed=True)["value"].sum()
    return {
        "payments": Measure(len(counted), "payments"),
        "value": Measure(total / scale, currency),
        "value_by_currency": Measure(_plain(by_currency / scale), currency),
        "settled_share": Measure(_ratio(settled.sum(), len(counted)), "share of payments"),
        "settled_value_share": Measure(_ratio(counted.loc[settled, "value"].sum(), total), "share of value"),
    }


def _delays(counted: pd.DataFrame) -> dict[str, Measure]:
    """Delay from instruction to credit: mean, percentiles, Σ value·delay / Σ value, by route and by cause."""
    hours = counted["delay"] / HOUR
    by_cause = {cause: _mean(counted[f"{cause}_seconds"] / HOUR) for cause in CAUSES}
    by_route = {str(route): _group_profile(group) for route, group in counted.groupby("route", observed=True)}
    return {
        "delay": Measure(_profile(hours, counted["value"]), "hours"),
        "delay_by_cause": Measure(by_cause, "hours per payment"),
        "delay_by_route": Measure(by_route, "hours; payments"),
    }


def _delay_by_city(counted: pd.DataFrame, firms: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The same by side and city of the firms that pay or are paid: a payment counts in both parties' cities."""
    cities = firms.groupby(["side", "city"], observed=True)["firm"]
    place = pd.Series(cities.ngroup().to_numpy(), index=firms["firm"])
    payer, payee = (counted[party].astype(object).map(place) for party in ("payer", "payee"))
    found: dict[str, dict[str, Any]] = {}
    for number, key in enumerate(cities.groups):
        side, city = (str(part) for part in key)  # type: ignore[attr-defined]
        group = counted[(payer == number) | (payee == number)]
        if len(group):
            found.setdefault(side, {})[city] = _group_profile(group)
    return found


def _group_profile(group: pd.DataFrame) -> dict[str, float]:
    return _profile(group["delay"] / HOUR, group["value"]) | {"payments": len(group)}


def _profile(hours: pd.Series, value: pd.Series) -> dict[str, float]:
    quantiles = dict.fromkeys(("p50", "p95", "p99"), 0.0)
    if len(hours):
        found = np.quantile(hours.to_numpy(), [0.5, 0.95, 0.99])
        quantiles = dict(zip(quantiles, (float(q) for q in found), strict=True))
    return {
        "mean": _mean(hours),
        **quantiles,
        "value_weighted": _ratio(float((hours * value).sum()), float(value.sum())),
    }


def _exposure(exposure: pd.DataFrame, currency: str, scale: int) -> dict[str, Measure]:
    """Largest absolute and mean signed daily net open position by side and currency, at mid."""
    position = exposure["net_open_position_reporting"] / scale
    keys = [exposure["side"], exposure["currency"]]
    grouped = position.groupby(keys, observed=True)
    peak, mean = position.abs().groupby(keys, observed=True).max(), grouped.mean()
    return {
        "net_open_position_peak": Measure(nested(peak), currency),
        "net_open_position_mean": Measure(nested(mean), currency),
    }


def _fx_results(
    tables: Mapping[str, pd.DataFrame], value: Valuation, currency: str, scale: int
) -> dict[str, Measure]:
    """Realised FX result of obligations due in the period, by side and cause; gains positive."""
    results, payments = tables["fx_results"], tables["payments"]
    realised = results[results["realised"] & _of_counted(results, payments)]
    by_side: dict[str, dict[str, float]] = {}
    for cause in (*FX_CAUSES, "total"):
        amounts = value.of(realised[cause], realised["functional_currency"], realised["converted_at"])
        for side, total in amounts.groupby(realised["side"], observed=True).sum().items():
            by_side.setdefault(str(side), {})[cause] = float(total) / scale
    return {"fx_result": Measure(by_side, currency)}


def _exchanged(
    tables: Mapping[str, pd.DataFrame], value: Valuation, currency: str, scale: int
) -> dict[str, Measure]:
    """What was exchanged for payments due in the period, by market, and what was paid out of foreign cash."""
    payments, deals = tables["payments"], tables["conversions"]
    deals = deals[_of_counted(deals, payments)]
    amounts = value.of(deals["amount"], deals["currency"], deals["converted_at"]) / scale
    # A cross is dealt at two markets.
    first, second = (
        amounts.groupby(deals[column], observed=False).sum() for column in ("market", "vehicle_market")
    )
    volume = first + second
    matched = amounts[(deals["kind"] == "matched") & (deals["bearer"] == "payer")].sum()
    return {
        "market_volume": Measure(_plain(volume[volume > 0]), currency),
        "matched_value": Measure(float(matched), currency),
    }


def _fees(
    tables: Mapping[str, pd.DataFrame], value: Valuation, currency: str, scale: int
) -> dict[str, Measure]:
    """Fees of payments due in the period, in total, by kind of step, and per value paid."""
    payments, fees = tables["payments"], tables["fees"]
    fees = fees[_of_counted(fees, payments)]
    amounts = value.of(fees["amount"], fees["currency"], fees["charged_at"])
    by_kind = amounts.groupby(fees["kind"], observed=True).sum() / scale
    return {
        "fees": Measure(float(amounts.sum()) / scale, currency),
        "fees_by_kind": Measure(_plain(by_kind), currency),
    }


def _liquidity(
    tables: Mapping[str, pd.DataFrame], value: Valuation, currency: str, start: pd.Timestamp
) -> dict[str, Measure]:
    """Largest fall of each declared account below its opening balance, in major units of its currency.

    Also summed by system, and in all at mid at the start of the period.
    """
    accounts = tables["accounts"]
    used = liquidity_used(accounts, tables["balances"])
    declared = accounts[(accounts["holder"] != MARKET) & (accounts["holder"] != accounts["servicer"])]
    minor = used.loc[declared["account"]].set_axis(declared.index)
    in_all = value.of(minor, declared["currency"], pd.Series(start, index=declared.index)).sum()
    major = minor / 10.0 ** declared["currency"].map(minor_digits)
    by_system = dict.fromkeys(tables["systems"]["system"], 0.0) | _plain(
        major.groupby(declared["system"]).sum()
    )
    return {
        "liquidity_used": Measure(
            _plain(major.set_axis(declared["account"])), "major units of the account's currency"
        ),
        "liquidity_used_by_system": Measure(by_system, "major units of the system's currency"),
        "liquidity_used_total": Measure(float(in_all) / 10 ** minor_digits(currency), currency),
    }


def _of_counted(rows: pd.DataFrame, payments: pd.DataFrame) -> pd.Series[bool]:
    """Which rows belong to counted payments; where there are none, names of payments are not looked up."""
    known = payments.loc[payments["counted"], "payment_id"] if len(rows) else payments["payment_id"][:0]
    return rows["payment_id"].isin(known)


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else 0.0


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _plain(values: pd.Series) -> dict[str, float]:
    return {str(key): float(value) for key, value in values.items()}


def nested(values: pd.Series) -> dict[str, dict[str, float]]:
    """Values with two keys as a mapping of mappings."""
    found: dict[str, dict[str, float]] = {}
    for key, value in values.items():
        first, second = (str(part) for part in key)  # type: ignore[attr-defined]
        found.setdefault(first, {})[second] = float(value)
    return found
