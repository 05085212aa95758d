"""Foreign cash that a firm keeps is spent on what it owes in that currency, the oldest first."""

from __future__ import annotations

from bisect import insort
from typing import NamedTuple


class Spent(NamedTuple):
    """A part of what was credited for an obligation."""

    obligation: int
    amount: int


class Cash:
    """What firms hold of foreign currencies, by credit."""

    def __init__(self) -> None:
        #: Instant, payment, obligation and amount left of each credit, by firm and currency.
        self._lots: dict[tuple[int, int], list[tuple[int, int, int, int]]] = {}

    def credit(self, holder: tuple[int, int], at: int, payment: int, obligation: int, amount: int) -> None:
        """What is credited to a firm (number, currency) at an instant, perhaps a later one."""
        insort(self._lots.setdefault(holder, []), (at, payment, obligation, amount))

    def spend(self, holder: tuple[int, int], amount: int, before: int) -> list[Spent]:
        """As much of an amount as was credited before an instant."""
        lots, spent = self._lots.get(holder, []), []
        while amount and lots and lots[0][0] < before:
            at, payment, obligation, left = lots[0]
            part = min(amount, left)
            spent.append(Spent(obligation, part))
            amount -= part
            if part == left:
                del lots[0]
            else:
                lots[0] = (at, payment, obligation, left - part)
        return spent

    def holders(self) -> list[tuple[int, int]]:
        """Who has ever been credited, in order."""
        return sorted(self._lots)
