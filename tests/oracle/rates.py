"""What an amount is worth in another currency at an instant."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sim.core.currency import minor_digits

if TYPE_CHECKING:
    from sim.core.rates import FxPaths


class Rates:
    """The drawn mids, looked up one at a time."""

    def __init__(self, fx: FxPaths) -> None:
        self._days = fx.day_starts.tolist()
        columns = zip(fx.currencies, fx.per_usd.T.tolist(), strict=True)
        self._per_usd: dict[str, list[float]] = dict(columns)

    def value(self, amount: int, source: str, target: str, at: int) -> float:
        """Minor units of `target` for minor units of `source` at mid, not rounded."""
        if source == target:
            return amount
        scale = 10.0 ** minor_digits(target) / 10.0 ** minor_digits(source)
        return amount * self._mid(source, target, at) * scale

    def convert(self, amount: int, source: str, target: str, at: int, factor: float = 1.0) -> int:
        """Minor units of `target` for minor units of `source`, at `factor` times mid, halves to even."""
        if source == target:
            return amount
        mid = self._mid(source, target, at)
        shift = minor_digits(target) - minor_digits(source)
        value = amount * (mid * factor)
        return round(value * 10.0**shift if shift >= 0 else value / 10.0**-shift)

    def _mid(self, source: str, target: str, at: int) -> float:
        day = bisect_right(self._days, at) - 1
        return self._per_usd[target][day] / self._per_usd[source][day]
