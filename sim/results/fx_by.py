"""Who gained and who lost by exchange rates, and to what it was due, seen from several sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.core.currency import minor_digits
from sim.results.columns import names
from sim.results.fx_causes import FX_CAUSES
from sim.results.valuation import Valuation

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Upper limits of the classes of size, in major units of the reporting currency at the due date.
SIZES: Final = {"below 10k": 1e4, "10k to 100k": 1e5, "100k to 1m": 1e6, "1m and more": np.inf}
#: What the results are told by, beside the side of the firm that bears them.
DIMENSIONS: Final = ("side", "flow", "group", "size", "route", "currency")
CAUSES: Final = (*FX_CAUSES, "total")


def fx_result_by_table(tables: Mapping[str, pd.DataFrame], reporting_currency: str) -> pd.DataFrame:
    """Realised FX result of obligations due in the period by `dimension` and its `value`, side and cause.

    Minor units of the reporting currency, gains positive, each result valued at mid at its last exchange.
    Dimensions: `side`, `flow` (sector), `group` of the firm, `size` of the obligation at mid when due, `route`
    and `currency`. `results` counts rows of `fx_results`, `value_due` adds up their obligations at mid when due;
    over the values of a dimension all columns add up to the same.
    """
    results = counted_results(tables, reporting_currency)
    parts = []
    for dimension in DIMENSIONS:
        keys = [results[dimension].rename("value"), results["side"].rename("of")]
        grouped = results.groupby(keys, sort=True, observed=True)
        part = grouped[["value_due", *CAUSES]].sum()
        part.insert(0, "results", grouped.size())
        part.index.names = ["value", "side"]
        part = part.reset_index().assign(dimension=dimension)
        parts.append(part.astype({"value": "str", "side": "str"}))
    table = pd.concat(parts, ignore_index=True)
    for column in ("dimension", "value", "side"):
        known = list(dict.fromkeys(table[column]))
        table[column] = pd.Categorical(table[column], categories=pd.Index(known, dtype="str"))
    return table[["dimension", "value", "side", "results", "value_due", *CAUSES]]


def counted_results(tables: Mapping[str, pd.DataFrame], reporting_currency: str) -> pd.DataFrame:
    """Realised rows of `fx_results` of payments due in the period, their causes in the reporting currency."""
    payments, firms = tables["payments"], tables["firms"]
    counted = payments[payments["counted"]].set_index("payment_id")
    results = tables["fx_results"]
    results = results[results["realised"] & results["payment_id"].isin(counted.index)].copy()
    of = counted.loc[results["payment_id"]]
    value = Valuation(tables["fx"], reporting_currency)
    for cause in CAUSES:
        results[cause] = value.of(results[cause], results["functional_currency"], results["converted_at"])
    due = of["due_at"].set_axis(results.index)
    results["value_due"] = value.of(results["amount"], results["currency"], due)
    results["flow"] = of["flow"].array
    results["route"] = of["route"].array
    place = pd.Index(firms["firm"]).get_indexer(results["firm"].cat.categories)
    results["group"] = firms["group"].array[place[results["firm"].cat.codes.to_numpy()]]
    limits = np.array(list(SIZES.values())[:-1]) * 10 ** minor_digits(reporting_currency)
    results["size"] = names(list(SIZES), np.searchsorted(limits, results["value_due"], side="right"))
    return results
