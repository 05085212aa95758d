"""A baseline in which all firms hedge, its rates, and its forwards as a pencil finds them."""

from __future__ import annotations

import numpy as np
import pandas as pd

HEDGED = """
name: hedged
extends: baseline
period: {end: 2024-02-01 00:00}
run_in: 15d
horizon: 10d
interest_rates: {BYN: 0.095, CNY: 0.0345, RUB: 0.16, USD: 0.053, EUR: 0.04}
firms:
  importers: {hedge: {ratio: 0.5, spread_bps: 20, roll_days: 3}}
  exporters:
    hedge: {ratio: 1, spread_bps: 40, minimum_term: 10d, currencies: [CNY, RUB]}
    exchange: {sells: {kind: keep, surrender_share: 0.3}}
  buyers: {hedge: {ratio: 0.25, spread_bps: 10}, exchange: {buys: on_invoice}}
  suppliers:
    hedge: {ratio: 0.333, spread_bps: 0}
    exchange: {sells: {kind: weekly, weekday: friday, at: "11:00", zone: Asia/Shanghai}}
flows:
  parts:
    payer: exporters
    payee: suppliers
    value: 500_000_000
    currency: USD
    invoice: {kind: fixed, value: 50_000}
    invoicing: {CNY: 0.5, USD: 0.5}
    terms: {open-account: {share: 1, days: [5, 40]}}
"""

FAR = 2**60
MINSK = 3 * 3_600


class Mids:
    """Mids of the `fx` table, at an instant in seconds."""

    def __init__(self, fx: pd.DataFrame) -> None:
        self._rates = {
            code: (rows["valid_from"].to_numpy(), rows["per_usd"].to_numpy())
            for code, rows in fx.sort_values("valid_from").groupby("currency")
        }

    def per_usd(self, code: str, at: int) -> float:
        """Units per dollar."""
        since, rate = self._rates[code]
        return float(rate[np.searchsorted(since, at, side="right") - 1])

    def value(self, amount: int, source: str, target: str, at: int, factor: float = 1.0) -> int:
        """All currencies of the baseline have two decimals; Python rounds halves to even, too."""
        mid = self.per_usd(target, at) / self.per_usd(source, at)
        return round(amount * (mid * factor))


def day(at: int) -> int:
    """Number of the day in Minsk."""
    return (at + MINSK) // 86_400


def forwards_of(
    terms: tuple[str, str, int, float, int],
    dates: tuple[int, int, int, int],
    rates: dict[str, float],
    mids: Mids,
    end: int,
) -> list[tuple[int, ...]]:
    """The first forward and its rolls: roll, opened, matures, closed, notional, and the five values."""
    home, foreign, sign, half, notional = terms
    opened, matures, gone, roll = dates
    found, number = [], 0
    while day(opened) < day(min(gone, matures, end - 1)):
        closed = min(gone, matures)
        at = min(closed, end - 1)
        whole, rest = ((day(matures) - day(instant)) / 365 for instant in (opened, at))

        def parity(years: float) -> float:
            return 1.0 * (1 + rates[home] * years) / (1 + rates[foreign] * years)

        early = half if rest > 0 and closed < end else 0.0
        forward = mids.value(notional, foreign, home, opened, parity(whole) * (1 - sign * half))
        close = mids.value(notional, foreign, home, at, parity(rest) * (1 + sign * early))
        result = round(sign * (forward - close) / (1 + rates[home] * rest))
        before = mids.value(notional, foreign, home, opened)
        after = mids.value(notional, foreign, home, at)
        last = closed if closed < end else FAR
        found.append((number, opened, matures, last, notional, before, forward, after, close, result))
        number, opened, matures = number + 1, matures, matures + roll
    return found
