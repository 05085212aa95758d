"""As a session begins an account is given what it lacks by one in another system, and has to give back what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.story import FundingMove
from oracle.turns import Turn
from sim.core.currency import minor_digits

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.sessions import Sessions
    from oracle.stage import Stage
    from sim.scenario.model.network import Account


class Funding:
    """One account, and what it still has to get; that moves whenever both systems are open and the source has money."""

    def __init__(self, declared: Account, paying: Sessions, stage: Stage) -> None:
        """`paying` is when the other system pays for this."""
        accounts, stated = stage.world.network.accounts, declared.funding
        self.account = accounts.number[declared.holder, declared.system]
        self.source = accounts.number[stated.through or declared.holder, stated.from_]
        self._stage = stage
        self._books = stage.books
        self._system = accounts.system_number[self.account]
        self._own, self._paying = stage.hours[self._system], paying
        self._target = int(stated.to * 10 ** minor_digits(accounts.currency[self.account]))
        self._missing = 0
        stage.books.on_credit.append(self._heard)
        stage.env.process(self._sessions())

    def _sessions(self) -> Iterator[simpy.Event]:
        now, emptied = self._stage.env.now, self._stage.world.network.emptied[self._system]
        begins = {self._own.opening(at) for at in self._own.schedule.opens_from(now)}
        if self._own.opening(now) == now:
            begins.add(now)
        for at in sorted(at for at in begins if at is not None):
            turn = Turn.FUNDING if at in emptied else Turn.DELIVERY
            yield from self._stage.turns.at(at, turn, self.account, -1)
            self._missing = max(self._target - self._books.balance[self.account], 0)
            self._give()

    def _give(self) -> None:
        if {self.account, self.source} & self._books.frozen:
            self._missing = 0
        if self._both_open() != self._stage.env.now:
            self._stage.env.process(self._later())
            return
        amount = min(self._missing, max(self._books.left(self.source), 0))
        if amount > 0:
            self._missing -= amount
            change = self._books.move(self.source, self.account, amount)
            told = FundingMove(self.account, self.source, self._stage.env.now, amount)
            self._stage.funded.append(told)
            self._stage.home(self.account).credited(self.account, change)

    def _later(self) -> Iterator[simpy.Event]:
        yield from self._stage.turns.at(self._both_open(), Turn.FUNDING, self.account)
        self._give()

    def _heard(self, account: int) -> None:
        if account == self.source and self._missing > 0:
            self._stage.env.process(self._later())

    def _both_open(self) -> int | None:
        at, before = self._stage.env.now, None
        while at is not None and at != before:
            before = at
            at = self._own.opening(at)
            at = None if at is None else self._paying.opening(at)
        return at
