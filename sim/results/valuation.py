"""An amount is worth what mid says at the instant in force: the last rate valid from then or before."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sim.core.currency import minor_digits, round_half_even
from sim.results.instants import seconds


class Valuation:
    """Values amounts in one currency, from a run's `fx` table and nothing else.

    With p(c, t) the units of c per 1 USD valid at t, an amount a in minor units of c is worth
    round(a · p(reporting, t) / p(c, t) · 10^(digits of reporting − digits of c)) minor units, half-even.
    Where a run has no rates, amounts in other currencies are left out: they are worth 0.
    """

    def __init__(self, fx: pd.DataFrame, currency: str) -> None:
        wide = fx.pivot_table(
            index="valid_from", columns="currency", values="per_usd", observed=True, dropna=False
        )
        self._since = seconds(wide.index.to_series())
        self._per_usd = wide.to_numpy()
        self._columns = {str(code): number for number, code in enumerate(wide.columns)}
        self._currency = currency

    def of(
        self, amounts: pd.Series[int], currencies: pd.Series[str], at: pd.Series[pd.Timestamp]
    ) -> pd.Series[int]:
        """Minor units of the reporting currency of each amount (minor units of its own) at its instant."""
        # Looked up once per currency, not once per amount.
        named = currencies.astype("category").cat
        known = [str(code) for code in named.categories]
        column = np.array([self._columns[code] for code in known], dtype=np.int64)[named.codes]
        digits = np.array([minor_digits(code) for code in known], dtype=np.int64)[named.codes]
        row = np.searchsorted(self._since, seconds(at), side="right") - 1
        target = self._columns[self._currency]
        # Where the currency is the reporting one there may be no rate at all, and none is needed.
        same = column == target
        rate = np.where(same, 1.0, self._per_usd[row, target] / self._per_usd[row, column])
        rate = np.nan_to_num(rate)
        value = round_half_even(amounts.to_numpy() * rate * 10.0 ** (minor_digits(self._currency) - digits))
        own = amounts.to_numpy(dtype=np.int64)
        return pd.Series(np.where(same, own, value), index=amounts.index, dtype=np.int64)
