"""Accounts, each with the payments that wait for money on it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import simpy

    from sim.world.accounts import Accounts


class Posting(NamedTuple):
    """One movement of money; payment, step and part are −1 for a treasury's, and the attempt 0.

    `back` is whether it undoes what the attempt has moved.
    """

    at: int
    payment: int
    attempt: int
    back: bool
    step: int
    part: int
    debit: int
    credit: int
    amount: int


@dataclass(slots=True, eq=False)
class Transfer:
    """What a payment asks of a system, the event of its settlement, and what let it go if it waited.

    That is an opening, a payment (`credit`) or other money (`grant`), with the number of the posting that brought it.
    """

    payment: int
    attempt: int
    back: bool
    step: int
    part: int
    debit: int
    credit: int
    amount: int
    settled: simpy.Event
    submitted_at: int
    settled_at: int | None = None
    released_by: str | None = None
    released_by_posting: int = -1


class Books:
    """A transfer settles if nobody waits before it and the account covers it; otherwise it waits in line."""

    def __init__(self, env: simpy.Environment, accounts: Accounts) -> None:
        self._env = env
        self.balance = [int(amount) for amount in accounts.opening]
        self._floor = [int(amount) for amount in accounts.lowest]
        self._lines: list[deque[Transfer]] = [deque() for _ in self.balance]
        self.postings: list[Posting] = []
        self._waiting: list[Transfer] = []

    def submit(self, transfer: Transfer) -> None:
        """Settle a transfer or put it in line."""
        self._lines[transfer.debit].append(transfer)
        if len(self._lines[transfer.debit]) == 1:
            self.retry(transfer.debit)
        if transfer.settled_at is None:
            self._waiting.append(transfer)

    def retry(self, account: int) -> None:
        """Settle what an account can pay now, in order; then what its payees can pay with that, and so on."""
        hopeful = deque([account])
        while hopeful:
            debit = hopeful.popleft()
            line = self._lines[debit]
            while line and self.balance[debit] - line[0].amount >= self._floor[debit]:
                transfer = line.popleft()
                if transfer in self._waiting:
                    self._waiting.remove(transfer)
                    self._tell_releaser(transfer)
                self.move(debit, transfer.credit, transfer.amount, transfer)
                transfer.settled_at = self._env.now
                transfer.settled.succeed()
                hopeful.append(transfer.credit)

    def move(self, debit: int, credit: int, amount: int, transfer: Transfer | None = None) -> None:
        """Post a movement: that of a transfer, or a treasury's."""
        self.balance[debit] -= amount
        self.balance[credit] += amount
        of = (-1, 0, False, -1, -1)
        if transfer is not None:
            of = (transfer.payment, transfer.attempt, transfer.back, transfer.step, transfer.part)
        self.postings.append(Posting(self._env.now, *of, debit, credit, amount))

    def _tell_releaser(self, transfer: Transfer) -> None:
        """Take away what came to the account, the latest first, until the transfer could not have gone."""
        left = self.balance[transfer.debit] - transfer.amount
        for number in reversed(range(len(self.postings))):
            posting = self.postings[number]
            if posting.credit == transfer.debit:
                left -= posting.amount
                if left < self._floor[transfer.debit]:
                    transfer.released_by = "grant" if posting.payment < 0 else "credit"
                    transfer.released_by_posting = number
                    return

    def waiting(self, account: int) -> int:
        """Sum of what waits on an account."""
        return sum(transfer.amount for transfer in self._lines[account])
