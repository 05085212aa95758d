"""Sums and ratios as measures tell them: plain numbers by plain names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from sim.results.run import Run


def ratio(part: float, whole: float) -> float:
    """A share, 0 of nothing."""
    return float(part / whole) if whole else 0.0


def plain(values: pd.Series) -> dict[str, float]:
    """Values by name."""
    return {str(key): float(value) for key, value in values.items()}


def nested(values: pd.Series) -> dict[str, dict[str, float]]:
    """Values with two keys as a mapping of mappings."""
    found: dict[str, dict[str, float]] = {}
    for key, value in values.items():
        first, second = (str(part) for part in key)  # type: ignore[attr-defined]
        found.setdefault(first, {})[second] = float(value)
    return found


def furthest(values: pd.Series, keys: list[pd.Series]) -> pd.Series:
    """Of each group the value furthest from zero, with its sign; the first of several."""
    places = values.abs().groupby(keys, observed=True).idxmax()
    return values.loc[places].set_axis(places.index)


def of_counted(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that belong to counted payments; where there are none, names of payments are not looked up."""
    payments = run["payments"]
    known = payments.loc[payments["counted"], "payment_id"] if len(rows) else payments["payment_id"][:0]
    return rows[rows["payment_id"].isin(known)]
