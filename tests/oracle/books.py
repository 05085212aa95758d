"""Accounts, and every movement of money on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import simpy

    from sim.world.accounts import Accounts


class Posting(NamedTuple):
    """One movement of money; payment, step and part are −1 for other money, and the attempt 0.

    `batch` is the number of the first of those that take effect together, `back` whether it undoes what the
    attempt has moved.
    """

    batch: int
    at: int
    payment: int
    attempt: int
    back: bool
    step: int
    part: int
    debit: int
    credit: int
    amount: int


class Change(NamedTuple):
    """Why those who wait on an account are tried again; `posting` is that of the money that came, if any did."""

    kind: str
    posting: int = -1


@dataclass(slots=True, eq=False)
class Transfer:
    """What a payment asks of a system, the event of its settlement, and what let it go if it waited.

    In a link `counter` is what moves the other way. `entry` counts who came to wait before it, of all that wait for
    money or for cycles; of the latter, `accepted_at` is when it was taken for the cycle at `cycle_at`.
    """

    payment: int
    attempt: int
    back: bool
    step: int
    part: int
    debit: int
    credit: int
    amount: int
    priority: int
    settled: simpy.Event
    submitted_at: int = -1
    settled_at: int | None = None
    counter: Transfer | None = None
    entry: int = -1
    accepted_at: int | None = None
    cycle_at: int | None = None
    released: Change | None = None

    @property
    def movements(self) -> list[Transfer]:
        """All that moves together with it."""
        return [self] if self.counter is None else [self, self.counter]

    def touches(self, accounts: set[int]) -> bool:
        """Whether one of the accounts takes part."""
        return any(moved.debit in accounts or moved.credit in accounts for moved in self.movements)


class Books:
    """Balances of all accounts, how far they may fall, and who is told what happens to them."""

    def __init__(self, env: simpy.Environment, accounts: Accounts) -> None:
        self._env = env
        self.balance = [int(amount) for amount in accounts.opening]
        self._lowest = [int(amount) for amount in accounts.lowest]
        self.frozen: set[int] = set()
        self.postings: list[Posting] = []
        self._waited = 0
        #: Told an account that is credited; told one on which somebody waits or may lack money.
        self.on_credit: list[Callable[[int], None]] = []
        self.on_want: list[Callable[[int], None]] = []

    def left(self, account: int) -> int:
        """How much can still leave an account."""
        return self.balance[account] - self._lowest[account]

    def covers(self, transfer: Transfer) -> bool:
        """Whether the account has what a transfer takes."""
        return transfer.amount <= self.left(transfer.debit)

    def freeze(self, account: int) -> None:
        """Nothing leaves an account any more."""
        self.frozen.add(account)
        self._lowest[account] = self.balance[account]

    def wait(self, transfer: Transfer) -> None:
        """A transfer has to wait."""
        for moved in transfer.movements:
            moved.entry = self._waited
        self._waited += 1
        for moved in transfer.movements:
            self.want(moved.debit)

    def want(self, account: int) -> None:
        """Somebody may lack money on an account."""
        for told in self.on_want:
            told(account)

    def settle(self, *transfers: Transfer) -> list[Change]:
        """Settle transfers together; returns what each of them is to whom it is paid."""
        first = len(self.postings)
        changes = []
        for t in transfers:
            self._post(
                Posting(
                    *(first, self._env.now, t.payment, t.attempt, t.back, t.step, t.part),
                    *(t.debit, t.credit, t.amount),
                )
            )
            changes.append(Change("credit", len(self.postings) - 1))
        for t in transfers:
            t.settled_at = self._env.now
            t.settled.succeed()
        return changes

    def move(self, debit: int, credit: int, amount: int, batch: int | None = None) -> Change:
        """Move other money, perhaps together with what was moved before; returns what that is to whom it comes."""
        first = len(self.postings) if batch is None else batch
        self._post(Posting(first, self._env.now, -1, 0, False, -1, -1, debit, credit, amount))
        return Change("grant", len(self.postings) - 1)

    def _post(self, posting: Posting) -> None:
        self.balance[posting.debit] -= posting.amount
        self.balance[posting.credit] += posting.amount
        self.postings.append(posting)
        for told in self.on_credit:
            told(posting.credit)
