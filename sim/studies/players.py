"""A design is taken apart by playing its changes in every order in which they can be made.

Each order brings the changes in one after the other, and a change is credited with what its arrival does; the mean over
the orders is its share (Shapley, 1953). An order is admissible if each change comes after those that it requires.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Members = frozenset[int]
Order = tuple[int, ...]

#: Beyond so many changes orders are sampled, at least so many of them.
MOST: Final = 5
SAMPLED: Final = 200
#: Binary digits of a double.
_BITS: Final = 53
#: So many orders can be averaged one by one.
_COUNTED: Final = 5040


class Orders(NamedTuple):
    """Orders to average over, those that belong together beside each other (an order and its reverse)."""

    orders: tuple[Order, ...]
    sampled: bool

    @property
    def coalitions(self) -> tuple[Members, ...]:
        """The sets of players that are met on the way, small ones first."""
        found = {frozenset(order[:k]) for order in self.orders for k in range(len(order) + 1)}
        return tuple(sorted(found, key=lambda members: (len(members), sorted(members))))


def orders(needs: Sequence[Members], exactly: int) -> Orders:
    """All admissible orders of players, of whom each needs some others before it; a sample if there are too many.

    `exactly` says whether all are wanted whatever their number: up to `MOST` changes, or where a sample would meet the
    same sets of players.
    """
    if exactly:
        return Orders(tuple(_all(needs)), sampled=False)
    sample = Orders(tuple(_sample(needs)), sampled=True)
    if len(needs) <= _FEW and len(sample.coalitions) == _closed(needs):
        return Orders(tuple(_all(needs)), sampled=False)
    return sample


#: Players of whom all orders are at most `_COUNTED`.
_FEW: Final = 7


def shares(values: Mapping[Members, np.ndarray], among: Orders) -> tuple[np.ndarray, np.ndarray]:
    """What each player brings in the mean over the orders, and the standard error that their sampling leaves.

    `values` are arrays of one shape, a number and a replication each; the shares have the players before. They add up
    to what all of them bring; the error is of means over the last axis.
    """
    players = len(among.orders[0])
    full, none = values[frozenset(range(players))], values[frozenset()]
    total = np.zeros((players, *full.shape))
    by_order = np.zeros((len(among.orders), players, *full.shape[:-1]))
    with np.errstate(invalid="ignore"):
        for number, order in enumerate(among.orders):
            before = none
            for k, player in enumerate(order):
                after = values[frozenset(order[: k + 1])]
                total[player] += after - before
                by_order[number, player] = _mean(after - before)
                before = after
        found = _adding_up(total / len(among.orders), full - none)
    if not among.sampled:
        return found, np.zeros(by_order.shape[1:])
    together = (by_order[::2] + by_order[1::2]) / 2
    return found, together.std(axis=0, ddof=1) / np.sqrt(len(together))


def _mean(values: np.ndarray) -> np.ndarray:
    """Means over the last axis of what is a number."""
    known = ~np.isnan(values)
    found: np.ndarray = np.where(known, values, 0.0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)
    return found


def _adding_up(parts: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The parts as multiples of so large a power of two that their sum has no error, in whatever order.

    The largest takes what rounding leaves. Where the whole is no such multiple, being smaller than its parts, the sum
    may be off by one in their last place.
    """
    bound = np.nan_to_num(np.abs(parts).sum(axis=0) + np.abs(whole))
    step = np.exp2(np.ceil(np.log2(np.where(bound > 0, bound, 1.0))) - _BITS)
    found: np.ndarray = np.rint(parts / step) * step
    largest = np.abs(np.nan_to_num(found)).argmax(axis=0)[None]
    others = found.sum(axis=0) - np.take_along_axis(found, largest, axis=0)[0]
    np.put_along_axis(found, largest, (whole - others)[None], axis=0)
    return found


def _all(needs: Sequence[Members]) -> Iterator[Order]:
    return (order for order in permutations(range(len(needs))) if _is_admissible(order, needs))


def _is_admissible(order: Order, needs: Sequence[Members]) -> bool:
    return all(needs[player] <= set(order[:k]) for k, player in enumerate(order))


def _closed(needs: Sequence[Members]) -> int:
    """How many sets of players hold all that their members need."""
    sets = (frozenset(p for p in range(len(needs)) if bits >> p & 1) for bits in range(2 ** len(needs)))
    return sum(all(needs[player] <= members for player in members) for members in sets)


def _sample(needs: Sequence[Members]) -> Iterator[Order]:
    """Pairs of admissible orders, each as likely as any other: an order with its reverse, or with another one."""
    draw = np.random.default_rng(len(needs))
    for _ in range(SAMPLED // 2):
        order = _drawn(needs, draw)
        back = order[::-1]
        yield order
        yield back if _is_admissible(back, needs) else _drawn(needs, draw)


def _drawn(needs: Sequence[Members], draw: np.random.Generator) -> Order:
    """An admissible order: places by chance for each group of players who need each other, and within it an order."""
    places = draw.permutation(len(needs))
    order = [-1] * len(needs)
    for group in _groups(needs):
        for place, player in zip(sorted(places[list(group)]), _drawn_within(group, needs, draw), strict=True):
            order[place] = player
    return tuple(order)


def _groups(needs: Sequence[Members]) -> list[tuple[int, ...]]:
    """The players by who has to do with whom."""
    of = list(range(len(needs)))
    for player, others in enumerate(needs):
        for other in others:
            old, new = of[player], of[other]
            of = [new if group == old else group for group in of]
    return [tuple(player for player in range(len(of)) if of[player] == group) for group in dict.fromkeys(of)]


def _drawn_within(group: tuple[int, ...], needs: Sequence[Members], draw: np.random.Generator) -> list[int]:
    @cache
    def ways(left: Members) -> int:
        """In how many orders those that are left can come."""
        return sum(ways(left - {player}) for player in left if not needs[player] & left) if left else 1

    left, order = frozenset(group), []
    while left:
        ready = sorted(player for player in left if not needs[player] & left)
        odds = np.array([ways(left - {player}) for player in ready], dtype=np.float64)
        player = int(draw.choice(ready, p=odds / odds.sum()))
        order.append(player)
        left -= {player}
    return order
