"""A bank that fails stands still: nothing leaves its accounts or those in its books, and nothing comes to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.books import Change
from oracle.turns import Turn
from sim.core.clock import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.stage import Stage

    Process = Iterator[simpy.Event]


class Failures:
    """Freezes accounts when their time has come; what waits for them or on them leaves the lines."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        for bank, at in enumerate(stage.world.network.failed_at.tolist()):
            if at < NEVER:
                stage.env.process(self._failure(bank, max(at, stage.env.now)))

    def _failure(self, bank: int, at: int) -> Process:
        yield from self._stage.turns.at(at, Turn.FAILURE, bank)
        frozen = {k for k, since in enumerate(self._stage.world.network.frozen_at.tolist()) if since <= at}
        for account in frozen - self._stage.books.frozen:
            self._stage.books.freeze(account)
        for number, system in sorted(self._stage.systems.items()):
            for account in system.withdraw(frozen):
                self._stage.env.process(self._going_on(account, at, self._stage.hours[number].opening(at)))

    def _going_on(self, account: int, failed_at: int, at: int | None) -> Process:
        """Those behind go on when the system is open, which may be now."""
        yield from self._stage.turns.at(at, Turn.FAILURE, account)
        change = Change("failure" if at == failed_at else "opening")
        self._stage.home(account).credited(account, change)
