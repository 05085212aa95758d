"""Rates are quoted in pairs; all that are connected on a day are known against each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.core.history import History, Quotes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.rates import Floats

#: What crosses of one day may differ by, as a share: a rate published with three digits is rounded by as much.
TOLERANCE: Final = 0.005
_DOLLAR: Final = "USD"

_Numbers = NDArray[np.int64]


class Clash(NamedTuple):
    """A row whose rate others of its day contradict: they say `implied`."""

    row: int
    implied: float
    again: bool
    """Whether another row states the same pair, rather than a chain of others that leads there."""


class _Grid(NamedTuple):
    """Rates by day and pair, [days, pairs]; NaN where there is none."""

    pairs: _Numbers
    """The two currencies of each pair, in the order of their codes, [pairs, 2]."""
    rates: Floats
    backwards: NDArray[np.bool_]
    """Whether the base of a rate is the second currency of its pair."""
    row: _Numbers


def crossed(name: str, quotes: Quotes) -> tuple[History, list[Clash]]:
    """The history that quotes tell, and the rows that do not agree with others of their day by `TOLERANCE`.

    The unit is the dollar if anything is quoted against it, else the currency with most rates. On a day, a currency
    is taken along the fewest rates that lead to it from the unit or, where none does, from the currency of
    most rates among those that it is connected with.
    """
    codes, ends = quotes.codes, np.stack([quotes.base, quotes.quote], axis=1)
    rank = _ranks(ends, codes)
    days, day = np.unique(quotes.days, return_inverse=True)
    grid, clashes = _grid(ends, day, len(days), quotes.rates, len(codes))
    values = np.full((len(days), len(codes)), np.nan)
    reference = np.full((len(days), len(codes)), -1, dtype=np.int64)
    present = ~np.isnan(grid.rates)
    patterns, which = np.unique(present, axis=0, return_inverse=True)
    for number_of, pattern in enumerate(patterns):
        mine = np.flatnonzero(which.ravel() == number_of)
        _place(grid, mine, np.flatnonzero(pattern), rank, values, reference)
        clashes += _contradictions(grid, mine, np.flatnonzero(pattern), values)
    history = History(name, codes[int(np.argmin(rank))], days, values, reference, rank, quotes)
    return history, sorted(clashes)


def _ranks(ends: _Numbers, codes: Sequence[str]) -> _Numbers:
    """0 for the unit, then by number of rates, of rates in which it is the base, and by code."""
    counts, bases = (
        np.bincount(ends.ravel(), minlength=len(codes)),
        np.bincount(ends[:, 0], minlength=len(codes)),
    )
    order = sorted(range(len(codes)), key=lambda k: (codes[k] != _DOLLAR, -counts[k], -bases[k], codes[k]))
    rank = np.empty(len(codes), dtype=np.int64)
    rank[order] = np.arange(len(codes))
    return rank


def _grid(ends: _Numbers, day: _Numbers, days: int, rates: Floats, codes: int) -> tuple[_Grid, list[Clash]]:
    """The first rate of each pair on each day, and the rows that state another."""
    low, high = ends.min(axis=1), ends.max(axis=1)
    pairs, pair = np.unique(low * codes + high, return_inverse=True)
    shape = (days, len(pairs))
    cells, first, cell_of = np.unique(day * len(pairs) + pair, return_index=True, return_inverse=True)
    row = np.full(shape, -1, dtype=np.int64)
    row.flat[cells] = first
    backwards = ends[:, 0] == high
    same = first[cell_of.ravel()]
    turned = backwards != backwards[same]
    implied = np.where(turned, 1.0 / rates[same], rates[same])
    apart = np.where(turned, np.abs(implied / rates - 1.0) > TOLERANCE, implied != rates)
    grid = _Grid(
        pairs=np.stack([pairs // codes, pairs % codes], axis=1),
        rates=np.where(row >= 0, rates[row], np.nan),
        backwards=(row >= 0) & backwards[row],
        row=row,
    )
    return grid, [Clash(int(k), float(implied[k]), again=True) for k in np.flatnonzero(apart)]


def _place(
    grid: _Grid, mine: _Numbers, pairs: _Numbers, rank: _Numbers, values: Floats, reference: _Numbers
) -> None:
    """Fill in the days `mine`, on which the same `pairs` are quoted, outwards from the first in rank."""
    links: dict[int, dict[int, int]] = {}
    for pair in pairs.tolist():
        one, other = grid.pairs[pair].tolist()
        links.setdefault(one, {})[other] = pair
        links.setdefault(other, {})[one] = pair
    placed: set[int] = set()
    for start in sorted(links, key=lambda code: rank[code]):
        if start in placed:
            continue
        values[mine, start] = 1.0
        placed.add(start)
        waiting = deque([start])
        while waiting:
            one = waiting.popleft()
            reference[mine, one] = start
            for other in sorted(links[one].keys() - placed, key=lambda code: rank[code]):
                values[mine, other] = _step(grid, mine, links[one][other], one, values[mine, one])
                placed.add(other)
                waiting.append(other)


def _step(grid: _Grid, mine: _Numbers, pair: int, source: int, value: Floats) -> Floats:
    """From units of one currency of a pair to units of the other."""
    from_base = grid.backwards[mine, pair] == (source == grid.pairs[pair, 1])
    rates = grid.rates[mine, pair]
    return np.asarray(np.where(from_base, value * rates, value / rates))


def _contradictions(grid: _Grid, mine: _Numbers, pairs: _Numbers, values: Floats) -> Iterator[Clash]:
    """The rates that lead elsewhere than the way on which their currencies were taken."""
    for pair in pairs.tolist():
        low, high = grid.pairs[pair].tolist()
        forwards = values[mine, high] / values[mine, low]
        implied = np.where(grid.backwards[mine, pair], 1.0 / forwards, forwards)
        apart = np.abs(implied / grid.rates[mine, pair] - 1.0) > TOLERANCE
        for place in np.flatnonzero(apart).tolist():
            yield Clash(int(grid.row[mine[place], pair]), float(implied[place]), again=False)
