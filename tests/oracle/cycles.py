"""Systems that settle together, at stated cycles, what has gathered until then."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from oracle.books import Change
from oracle.netting import multilateral, shares, shortness
from oracle.turns import Turn
from sim.scenario.topology import MARKET

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.books import Transfer
    from oracle.loans import Loans
    from oracle.stage import Stage
    from oracle.story import Loan


class _Cycles:
    """A system with cycles, which take place if anybody waits for them."""

    def __init__(self, number: int, stage: Stage) -> None:
        self._stage = stage
        self._books = stage.books
        self._number = number
        self._accounts = stage.world.network.accounts.of_system(number)
        self._instants = stage.world.network.cycles[number]
        self._awaited: set[int] = set()
        #: The cycle that took place last.
        self._last = -1

    def held(self, account: int) -> int:
        """Nobody holds back here."""
        del account
        return 0

    def credited(self, account: int, *changes: Change) -> None:
        """Who waits, waits for the cycle."""

    def _next_cycle(self) -> int | None:
        """The first that is still to come; who comes at its very instant is in it, unless it is over."""
        now = self._stage.env.now
        return next((at for at in self._instants if at >= now and at > self._last), None)

    def _accept(self, transfer: Transfer) -> None:
        """From now on a transfer waits for the cycle and not for money."""
        if transfer.accepted_at is None:
            transfer.accepted_at, transfer.cycle_at = self._stage.env.now, self._next_cycle()

    def _await_cycle(self) -> None:
        at = self._next_cycle()
        if at is not None and at not in self._awaited:
            self._awaited.add(at)
            self._stage.env.process(self._cycle(at))

    def _cycle(self, at: int) -> Iterator[simpy.Event]:
        yield from self._stage.turns.at(at, Turn.NETTING, self._number)
        self._last = at
        self._net()

    def _settle(self, chosen: list[Transfer]) -> None:
        for transfer in chosen:
            transfer.released = Change("cycle")
        if chosen:
            self._books.settle(*chosen)

    def _net(self) -> None:
        raise NotImplementedError


class Hybrid(_Cycles):
    """What is covered settles at once, and the rest, with what came after it on the same account, at cycles."""

    def __init__(self, number: int, stage: Stage) -> None:
        super().__init__(number, stage)
        self._lines: dict[int, list[Transfer]] = {account: [] for account in self._accounts}

    def submit(self, transfer: Transfer) -> None:
        """Settle a transfer, or have it wait for a cycle."""
        line = self._lines[transfer.debit]
        if not line and self._books.covers(transfer):
            self._books.settle(transfer)
            return
        line.append(transfer)
        self._books.wait(transfer)
        self._accept(transfer)
        self._await_cycle()

    def withdraw(self, frozen: set[int]) -> list[int]:
        """Give up what touches frozen accounts."""
        for account, line in self._lines.items():
            self._lines[account] = [transfer for transfer in line if not transfer.touches(frozen)]
        return []

    def waiting(self, account: int) -> int:
        """Value that waits on an account."""
        return sum(transfer.amount for transfer in self._lines.get(account, []))

    def _net(self) -> None:
        rows = [transfer for line in self._lines.values() for transfer in line]
        chosen = multilateral(rows, shortness(self._books.left))
        self._settle(chosen)
        for transfer in chosen:
            self._lines[transfer.debit].remove(transfer)
        if any(self._lines.values()):
            self._await_cycle()


class DeferredNet(_Cycles):
    """Takes payments within net debit caps, and settles at a cycle what all can pay on balance.

    Who cannot has its newest payments put off. With a pool the others lend it what it lacks, as far as they have cover
    to spare, and it pays back at the cycles that follow.
    """

    def __init__(self, number: int, stage: Stage, loans: Loans) -> None:
        super().__init__(number, stage)
        self._loans = loans
        self._caps = stage.world.network.caps
        self._pool = list(stage.world.scenario.systems.values())[number].shortfall == "pool"
        self._accepted: list[Transfer] = []
        self._refused: dict[int, deque[Transfer]] = {account: deque() for account in self._accounts}
        self._lent: list[Loan] = []

    def submit(self, transfer: Transfer) -> None:
        """Take a transfer for the cycle, or have it wait until the caps allow it."""
        self._books.wait(transfer)
        refused = self._refused[transfer.debit]
        refused.append(transfer)
        if len(refused) == 1:
            self._admit([transfer.debit])
        self._await_cycle()

    def withdraw(self, frozen: set[int]) -> list[int]:
        """Give up what touches frozen accounts; caps may then allow what they refused."""
        self._accepted = [transfer for transfer in self._accepted if not transfer.touches(frozen)]
        for account, line in self._refused.items():
            self._refused[account] = deque(transfer for transfer in line if not transfer.touches(frozen))
        self._admit(self._accounts)
        return []

    def waiting(self, account: int) -> int:
        """What an account owes on balance at the coming cycle, and what was refused."""
        refused = sum(transfer.amount for transfer in self._refused.get(account, ()))
        return max(self._owes(account), 0) + refused

    def _owes(self, account: int) -> int:
        owed = [transfer.amount for transfer in self._accepted if transfer.debit == account]
        due = [transfer.amount for transfer in self._accepted if transfer.credit == account]
        return sum(owed) - sum(due)

    def _admit(self, accounts: tuple[int, ...] | list[int]) -> None:
        """Accept what the caps of accounts allow, in order; then that of those whom it pays, and so on."""
        hopeful = deque(accounts)
        while hopeful:
            account = hopeful.popleft()
            refused, cap = self._refused[account], self._caps.get(account)
            while refused and (cap is None or self._owes(account) + refused[0].amount <= cap):
                transfer = refused.popleft()
                self._accepted.append(transfer)
                self._accept(transfer)
                hopeful.append(transfer.credit)

    def _net(self) -> None:
        rests = [self._loans.repay(loan, rate=0.0) for loan in self._lent]
        self._lent = [rest for rest in rests if rest is not None]
        lendable = self._lendable() if self._pool else {}

        def left(account: int) -> int:
            got = sum(lendable.get(account, {}).values())
            given = sum(lent.get(account, 0) for lent in lendable.values())
            return self._books.left(account) + got - given

        chosen = multilateral(self._accepted, shortness(left))
        for account, offered in lendable.items():
            self._lend(account, offered, chosen)
        self._settle(chosen)
        self._accepted = [transfer for transfer in self._accepted if transfer not in chosen]
        self._admit(self._accounts)
        if self._accepted or any(self._refused.values()) or self._lent:
            self._await_cycle()

    def _lendable(self) -> dict[int, dict[int, int]]:
        """What each bank that lacks money for all that it owes could be lent, by lender."""
        left = {account: self._books.left(account) - self._owes(account) for account in self._accounts}
        holders = self._stage.world.network.accounts.holder
        spare = {
            account: max(min(rest, self._books.left(account)), 0) if holders[account] != MARKET else 0
            for account, rest in left.items()
        }
        offered = {}
        for account, rest in left.items():
            if rest < 0:
                offered[account] = shares(min(-rest, sum(spare.values())), spare)
                spare = {lender: amount - offered[account].get(lender, 0) for lender, amount in spare.items()}
        return offered

    def _lend(self, account: int, offered: dict[int, int], chosen: list[Transfer]) -> None:
        """Lend what a bank lacks for the payments that do settle."""
        pays = sum(transfer.amount for transfer in chosen if transfer.debit == account)
        gets = sum(transfer.amount for transfer in chosen if transfer.credit == account)
        lacking = pays - gets - self._books.left(account)
        if lacking > 0:
            for lender, amount in shares(lacking, offered).items():
                if amount:
                    loan = self._loans.enter(account, lender, amount, pool=self._number)
                    self._loans.receive(loan)
                    self._lent.append(loan)
