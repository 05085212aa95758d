"""Headline numbers of positions, hedges and risks, each a formula over the saved tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sim.core.currency import minor_digits
from sim.results.fx_by import CAUSES
from sim.results.fx_causes import RATE_CAUSES
from sim.results.measure import Measure
from sim.results.measures import nested
from sim.results.principal import principal_risk_measures
from sim.results.risk import Losses, hedge_effectiveness, overall_position
from sim.results.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.scenario.model import Scenario

    Tables = Mapping[str, pd.DataFrame]


def risk_measures(tables: Tables, scenario: Scenario, period: tuple[int, int]) -> dict[str, Measure]:
    """Positions, losses, hedges, results by cause and principal risk; `period` in seconds, `[start, end)`."""
    currency = scenario.reporting_currency
    scale = 10 ** minor_digits(currency)
    peaks, hours = {}, {}
    for kind, (peak, value_hours) in principal_risk_measures(tables["principal_risk"], *period).items():
        peaks[kind], hours[kind] = peak / scale, value_hours / scale
    return {
        "overall_position": Measure(_overall(tables["exposure"], scale), currency),
        **_losses(tables["losses"], currency, scale),
        "bank_position_peak": Measure(_bank_peaks(tables["bank_positions"], scale), currency),
        "fx_result_by": Measure(_by_cause(tables["fx_result_by"], scale), currency),
        **_hedges(tables, currency, scale),
        "principal_risk_peak": Measure(peaks, currency),
        "principal_risk_value_hours": Measure(hours, f"{currency} hours"),
    }


def _overall(exposure: pd.DataFrame, scale: int) -> dict[str, dict[str, float]]:
    """Shorthand position of each side, max(Σ long, |Σ short|): largest and mean over the days."""
    found = {}
    for side, rows in exposure.groupby("side", observed=True):
        by_day = rows.groupby("at")["net_open_position_reporting"].agg(overall_position) / scale
        found[str(side)] = {"peak": float(by_day.max()), "mean": float(by_day.mean())}
    return found


def _losses(losses: pd.DataFrame, currency: str, scale: int) -> dict[str, Measure]:
    """Of all currencies of a side together: mean and largest over the days, by method, horizon and level."""
    together = losses[losses["currency"].isna()]
    keys = ["side", "method", "horizon_days", "level"]
    found: dict[str, dict[str, Any]] = {name: {} for name in Losses._fields}
    for key, rows in together.groupby(keys, observed=True):
        side, method, days, level = key
        case = f"{days} d, {100 * float(str(level)):g} %"
        for name, by_side in found.items():
            column = rows[name] / scale
            by_method = by_side.setdefault(str(side), {}).setdefault(str(method), {})
            by_method[case] = {"mean": float(column.mean()), "peak": float(column.max())}
    return {name: Measure(by_side, currency) for name, by_side in found.items()}


def _bank_peaks(positions: pd.DataFrame, scale: int) -> dict[str, dict[str, float]]:
    """Largest balance in either direction at the end of a day, by bank and currency."""
    grouped = (
        positions["balance_reporting"]
        .abs()
        .groupby([positions["bank"], positions["currency"]], observed=True)
    )
    return nested(grouped.max() / scale)


def _by_cause(results: pd.DataFrame, scale: int) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """The table `fx_result_by` as a tree: dimension, value, side, cause."""
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for row in results.to_dict("records"):
        causes = {cause: row[cause] / scale for cause in CAUSES}
        found.setdefault(row["dimension"], {}).setdefault(row["value"], {})[row["side"]] = causes
    return found


def _hedges(tables: Tables, currency: str, scale: int) -> dict[str, Measure]:
    """What forwards of obligations due in the period cost beside the rate's moves, and what they made good.

    Cost: −Σ (result − s · (opened_mid_value − closed_mid_value)), by side, of first forwards and of rolls.
    Effectiveness: |Σ hedge / Σ (contract + instruction + returned + clearing)| of hedged obligations, by side and
    currency.
    """
    counted = tables["payments"].loc[tables["payments"]["counted"], "obligation_id"]
    results = tables["fx_results"]
    results = results[results["realised"] & results["obligation_id"].isin(counted)]
    keys = ["obligation_id", "bearer"]
    forwards = tables["hedges"].merge(results[keys], on=keys)
    sign = np.where(forwards["bearer"] == "payee", 1, -1)
    moved = sign * (forwards["opened_mid_value"] - forwards["closed_mid_value"])
    value = Valuation(tables["fx"], currency)
    cost = value.of(moved - forwards["result"], forwards["functional_currency"], forwards["closed_at"])
    costs: dict[str, dict[str, float]] = {}
    for side, mine in cost.groupby(forwards["side"], observed=True):
        rolled = int(mine[forwards.loc[mine.index, "roll"] > 0].sum())
        total = int(mine.sum())
        parts = {"first": total - rolled, "rolls": rolled, "total": total}
        costs[str(side)] = {name: part / scale for name, part in parts.items()}
    hedged = results.merge(forwards[keys].drop_duplicates(), on=keys)
    effect: dict[str, dict[str, float | None]] = {}
    for (side, code), rows in hedged.groupby(["side", "currency"], observed=True):
        exposed = int(rows[list(RATE_CAUSES)].to_numpy().sum())
        effect.setdefault(str(side), {})[str(code)] = hedge_effectiveness(int(rows["hedge"].sum()), exposed)
    return {
        "hedge_cost": Measure(costs, currency),
        "hedge_effectiveness": Measure(effect, "share of the result by rates that hedges made good"),
    }
