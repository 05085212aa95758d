"""One table of mids serves every conversion and valuation, so no detour over a third currency pays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import Seconds
from sim.core.currency import Amounts, minor_digits, round_half_even
from sim.core.edges import Edges

Floats = NDArray[np.float64]
Indices = NDArray[np.integer] | int

#: Whole numbers above this are not all floats, and rounding would not be exact.
_LARGEST: Final = 2**53


@dataclass(frozen=True, slots=True, eq=False)
class FxPaths:
    """The mid of every day: a step function that jumps at each local midnight and at no other instant.

    `currencies` are sorted and include the unit: USD, or another currency where rates know no dollar. Row d of
    `per_usd` [days, currencies] holds the units per 1 of it from `day_starts[d]` (UTC seconds) to the next day's start,
    the last row until `end`; nothing is extrapolated.
    """

    currencies: tuple[str, ...]
    day_starts: Seconds
    per_usd: Floats
    end: int
    _midnights: Edges = field(init=False, repr=False)  # all but the first

    def __post_init__(self) -> None:
        object.__setattr__(self, "_midnights", Edges(self.day_starts[1:]))

    @property
    def has_gaps(self) -> bool:
        """Whether the run has no rates but that of the dollar."""
        return bool(np.isnan(self.per_usd[:1]).any())

    def index(self, currency: str) -> int:
        """The column of a currency; ValueError if there is none."""
        try:
            return self.currencies.index(currency)
        except ValueError:
            known = ", ".join(self.currencies)
            raise ValueError(f"the run has no rates of {currency}; it has {known}") from None

    def mid(self, source: Indices, target: Indices, at: Seconds | int) -> Floats:
        """Units of `target` per 1 unit of `source`, both indices, at instants `at`; all broadcast.

        Exactly 1 where both are the same. ValueError for an instant before the first day or after the last.
        """
        day = self._day(at)
        return np.where(np.equal(source, target), 1.0, self.per_usd[day, target] / self.per_usd[day, source])

    def convert(
        self,
        amounts: Amounts | int,
        source: Indices,
        target: Indices,
        at: Seconds | int,
        *,
        factor: Floats | float = 1.0,
    ) -> Amounts:
        """Minor units of `target` for minor units of `source`, at `factor` times mid, halves to even.

        All arguments broadcast. Where the currencies are the same the amount itself comes back, whatever
        the factor. ValueError as in `mid`, and for amounts beyond 2⁵³ minor units, which floats cannot count.
        """
        digits = np.array([minor_digits(currency) for currency in self.currencies])
        shift = digits[target] - digits[source]
        scaled = np.asarray(amounts) * (self.mid(source, target, at) * factor)
        if np.any(shift):
            # A negative power of ten is no float, so it divides: 5 fen at a mid of 10 are exactly half a yen.
            down, up = 10.0 ** np.maximum(-shift, 0), 10.0 ** np.maximum(shift, 0)
            scaled = np.where(shift < 0, scaled / down, scaled * up)
        exact = (np.abs(amounts) <= _LARGEST) & (np.abs(scaled) <= _LARGEST)  # false where there is no rate
        if not np.all(exact):
            raise ValueError("an amount has no rate, or exceeds 2^53 minor units, the most that is exact")
        return np.where(np.equal(source, target), amounts, round_half_even(scaled))

    def jumped(self, currency: str, factor: float, at: int) -> FxPaths:
        """The same rates, but that a dollar costs `factor` times as much of a currency from an instant on.

        What moves it afterwards moves it as it would have been moved.
        """
        per_usd = self.per_usd.copy()
        per_usd[self.day_starts >= at, self.index(currency)] *= factor
        return replace(self, per_usd=per_usd)

    def _day(self, at: Seconds | int) -> NDArray[np.int64]:
        if np.any(np.less(at, self.day_starts[0])) or np.any(np.greater_equal(at, self.end)):
            raise ValueError("a rate is asked for at an instant outside of the days that have rates")
        return self._midnights.passed(at)


def exchanged_before(obligation: NDArray[np.int64], by_payee: NDArray[np.bool_], amount: Amounts) -> Amounts:
    """How much of the same obligation its bearer had exchanged before each part, in the order of the parts.

    An obligation may be exchanged in parts, and each is worth what it adds to those before it; see `part_value`.
    """
    order = np.lexsort((by_payee, obligation))
    running = np.cumsum(amount[order]) - amount[order]
    same = (np.diff(obligation[order]) == 0) & (np.diff(by_payee[order].astype(np.int64)) == 0)
    first = np.flatnonzero(np.concatenate(([True], ~same))[: len(order)])
    lengths = np.diff(np.append(first, len(order)))
    before = np.empty(len(order), dtype=np.int64)
    before[order] = running - np.repeat(running[first], lengths)
    return before


def part_value(
    fx: FxPaths,
    before: Amounts,
    amount: Amounts,
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    at: Seconds,
    factor: Floats | None = None,
) -> Amounts:
    """Minor units of `target` that each part adds at `factor` times mid (1 if not given) at its instant.

    Of an amount of which `before` has been exchanged, a part of `amount` is worth V(before + amount) − V(before),
    where V rounds to whole minor units. So the parts add up exactly to the whole at one rate.
    """
    factor = np.ones(len(amount)) if factor is None else factor
    value = fx.convert(before + amount, source, target, at, factor=factor)
    later = np.flatnonzero(before)
    if len(later):
        value[later] -= fx.convert(
            before[later], source[later], target[later], at[later], factor=factor[later]
        )
    return value
