"""Exposure to exchange rates.

Positions are told daily at the local midnights of the period, at mid in the reporting currency. Losses are positive, FX
results are gains if positive. `sim.results.risk` has the formulas of positions and losses as functions
(`overall_position`, `lognormal_losses`, `normal_losses`, `historical_losses`, `part_payment`, `hedge_effectiveness`,
`flow_at_risk`), `sim.results.derived.hedges` the `forward_rate`. Over several runs,
`sim.results.views.cash_flow_at_risk` gives expected − quantile of the functional currency that comes in by month.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.core.clock import HOUR
from sim.results.derived.fx_causes import FX_CAUSES, RATE_CAUSES
from sim.results.derived.fx_results import TOLD
from sim.results.derived.principal import KINDS, at_risk
from sim.results.measures.sums import furthest, nested, of_counted
from sim.results.registry import measure
from sim.results.risk import hedge_effectiveness as effectiveness
from sim.results.risk import overall_position as overall

if TYPE_CHECKING:
    from sim.results.run import Run

_FX_RESULTS: Final = ("fx", "payments", "fx_results")


@measure("{reporting}", "neither", ("exposure",))
def net_open_position_peak(run: Run) -> dict[str, dict[str, float]]:
    """The net open position furthest from zero, with its sign, by side and currency.

    Over the instants of `exposure`.
    """
    table = run["exposure"]
    position = table["net_open_position_reporting"] / run.scale
    return nested(furthest(position, [table["side"], table["currency"]]))


@measure("{reporting}", "neither", ("exposure",))
def net_open_position_mean(run: Run) -> dict[str, dict[str, float]]:
    """Mean of the signed net open position, by side and currency.

    Over the instants of `exposure`.
    """
    table = run["exposure"]
    position = table["net_open_position_reporting"] / run.scale
    return nested(position.groupby([table["side"], table["currency"]], observed=True).mean())


@measure("{reporting}", "lower", ("exposure",))
def overall_position(run: Run) -> dict[str, dict[str, float]]:
    """Overall net open position of each side by the Basel shorthand method: largest and mean over the days.

    max(Σ long, |Σ short|) over the currencies of a day.
    """
    found = {}
    for side, rows in run["exposure"].groupby("side", observed=True):
        by_day = rows.groupby("at")["net_open_position_reporting"].agg(overall) / run.scale
        found[str(side)] = {"peak": float(by_day.max()), "mean": float(by_day.mean())}
    return found


@measure("{reporting}", "neither", ("bank_positions",))
def bank_position_peak(run: Run) -> dict[str, dict[str, float]]:
    """The balance in a foreign currency furthest from zero at the end of a day, with its sign, by bank and currency."""
    table = run["bank_positions"]
    return nested(furthest(table["balance_reporting"] / run.scale, [table["bank"], table["currency"]]))


@measure("{reporting}", "lower", ("losses",))
def value_at_risk(run: Run) -> dict[str, Any]:
    """Value at risk of all currencies of a side together, by side, method, horizon and level: mean and largest.

    Over the instants of `losses`.
    """
    return _losses(run, "value_at_risk")


@measure("{reporting}", "lower", ("losses",))
def expected_shortfall(run: Run) -> dict[str, Any]:
    """Expected shortfall of all currencies of a side together, by side, method, horizon and level: mean and largest.

    Over the instants of `losses`.
    """
    return _losses(run, "expected_shortfall")


def _losses(run: Run, column: str) -> dict[str, Any]:
    table = run["losses"]
    together = table[table["currency"].isna()]
    found: dict[str, Any] = {}
    for key, rows in together.groupby(["side", "method", "horizon_days", "level"], observed=True):
        side, method, days, level = key
        lost = rows[column] / run.scale
        by_method = found.setdefault(str(side), {}).setdefault(str(method), {})
        by_method[f"{days} d, {100 * float(str(level)):g} %"] = {
            "mean": float(lost.mean()),
            "peak": float(lost.max()),
        }
    return found


@measure("{reporting}", "higher", _FX_RESULTS)
def fx_result(run: Run) -> dict[str, dict[str, float]]:
    """Realised FX result of firms by side and cause, and in `total`; gains positive.

    Σ over the rows of `fx_results` of counted payments with `realised`, each valued at `converted_at`.
    """
    realised = of_counted(run, run["fx_results"])
    realised = realised[realised["realised"]]
    currencies, at = realised["functional_currency"], realised["converted_at"]
    amounts = pd.DataFrame(
        {cause: run.value(realised[cause], currencies, at) for cause in (*FX_CAUSES, "total")}
    )
    totals = amounts.groupby(realised["side"], observed=True).sum() / run.scale
    return {
        str(side): {str(cause): float(total) for cause, total in row.items()}
        for side, row in totals.iterrows()
    }


@measure("{reporting}", "higher", ("fx_result_by",))
def fx_result_by(run: Run) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """The same by side and, one after the other, side, flow, group of firms, size at the due date, route, currency."""
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for row in run["fx_result_by"].to_dict("records"):
        causes = {cause: row[cause] / run.scale for cause in TOLD}
        found.setdefault(row["dimension"], {}).setdefault(row["value"], {})[row["side"]] = causes
    return found


_HEDGES: Final = (*_FX_RESULTS, "hedges")


def _hedged(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Realised results of obligations due in the period, and their forwards."""
    payments, results, forwards = run["payments"], run["fx_results"], run["hedges"]
    counted = payments.loc[payments["counted"], "obligation_id"]
    results = results[results["realised"] & results["obligation_id"].isin(counted)]
    return results, forwards.merge(results[["obligation_id", "bearer"]], on=["obligation_id", "bearer"])


@measure("{reporting}", "lower", _HEDGES)
def hedge_cost(run: Run) -> dict[str, dict[str, float]]:
    """Carry and spread of forwards of obligations due in the period, by side, of `first` forwards and of `rolls`.

    −Σ (`result` − s · (`opened_mid_value` − `closed_mid_value`)), with s = +1 for a payee and −1 for a payer.
    """
    _, forwards = _hedged(run)
    sign = np.where(forwards["bearer"] == "payee", 1, -1)
    moved = sign * (forwards["opened_mid_value"] - forwards["closed_mid_value"])
    cost = run.value(moved - forwards["result"], forwards["functional_currency"], forwards["closed_at"])
    found: dict[str, dict[str, float]] = {}
    for side, mine in cost.groupby(forwards["side"], observed=True):
        rolled, total = int(mine[forwards.loc[mine.index, "roll"] > 0].sum()), int(mine.sum())
        parts = {"first": total - rolled, "rolls": rolled, "total": total}
        found[str(side)] = {name: part / run.scale for name, part in parts.items()}
    return found


@measure("share of the result by rates", "higher", ("payments", "fx_results", "hedges"))
def hedge_effectiveness(run: Run) -> dict[str, dict[str, float | None]]:
    """How much of what rates did hedges made good, by side and currency; none if rates did nothing.

    |Σ hedge / Σ (contract + instruction + returned + clearing)| over hedged results.
    """
    results, forwards = _hedged(run)
    keys = ["obligation_id", "bearer"]
    hedged = results.merge(forwards[keys].drop_duplicates(), on=keys)
    effect: dict[str, dict[str, float | None]] = {}
    for (side, code), rows in hedged.groupby(["side", "currency"], observed=True):
        exposed = int(rows[list(RATE_CAUSES)].to_numpy().sum())
        effect.setdefault(str(side), {})[str(code)] = effectiveness(int(rows["hedge"].sum()), exposed)
    return effect


@measure("{reporting}", "neither", ("fx", "payments", "conversions"))
def market_volume(run: Run) -> dict[str, float]:
    """What was exchanged at each market for counted payments, at `converted_at`; a cross counts at both its markets."""
    deals = of_counted(run, run["conversions"])
    amounts = run.value(deals["amount"], deals["currency"], deals["converted_at"]) / run.scale
    volume = dict.fromkeys(run.scenario.markets, 0.0)
    for column in ("market", "vehicle_market"):
        for market, total in amounts.groupby(deals[column], observed=True).sum().items():
            volume[str(market)] += float(total)
    return {market: total for market, total in volume.items() if total > 0}


@measure("{reporting}", "neither", ("fx", "payments", "conversions"))
def matched_value(run: Run) -> float:
    """What payers of counted payments paid out of foreign cash, at `converted_at`."""
    deals = of_counted(run, run["conversions"])
    deals = deals[(deals["kind"] == "matched") & (deals["bearer"] == "payer")]
    return float((run.value(deals["amount"], deals["currency"], deals["converted_at"]) / run.scale).sum())


@measure("{reporting}", "lower", ("principal_risk",))
def principal_risk_peak(run: Run) -> dict[str, float]:
    """The most that was paid away and not final at one instant of the period, by kind and of `all` together."""
    return {kind: peak / run.scale for kind, (peak, _) in _principal(run).items()}


@measure("{reporting} · hours", "lower", ("principal_risk",))
def principal_risk_value_hours(run: Run) -> dict[str, float]:
    """Value paid away and not final · hours within the period, by kind and of `all` together."""
    return {kind: hours / run.scale for kind, (_, hours) in _principal(run).items()}


def _principal(run: Run) -> dict[str, tuple[int, float]]:
    """Peak in minor units, and value-hours in minor units · hours, in the period."""
    table, (start, end) = run["principal_risk"], run.period
    groups = {kind: table[table["kind"] == kind] for kind in KINDS} | {"all": table}
    found = {}
    for kind, rows in groups.items():
        at, level = at_risk(rows, start, end)
        lasting = np.diff(np.append(at, end)) / HOUR
        found[kind] = (int(level.max(initial=0)), float((level * lasting).sum()))
    return found
