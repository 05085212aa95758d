"""Money is granted to accounts from outside, or withdrawn, on dates that no treasury chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.story import Shift
from oracle.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.stage import Stage
    from sim.world.network import Shift as Stated


class Shifts:
    """Does what is stated, as far as accounts cover it; what is frozen stays as it is."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.done: list[Shift] = []
        for stated in stage.world.network.shifts:
            stage.env.process(self._shift(stated))

    def _shift(self, stated: Stated) -> Iterator[simpy.Event]:
        books, account = self._stage.books, stated.account
        market = self._stage.market(self._stage.world.network.accounts.system_number[account])
        yield from self._stage.turns.at(stated.at, Turn.DELIVERY, account)
        moved = 0
        if account not in books.frozen:
            moved = max(stated.amount, -max(books.left(account), 0))
        self.done.append(Shift(stated.at, account, stated.amount, moved))
        if moved > 0:
            self._stage.home(account).credited(account, books.move(market, account, moved))
        elif moved < 0:
            books.move(account, market, -moved)
