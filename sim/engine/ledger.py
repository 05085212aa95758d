"""Only the ledger changes a balance, always by moving money from one account to another."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.clock import NEVER
from sim.engine.records import Journal, Loans, columns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from sim.engine.requests import Requests
    from sim.world.accounts import Accounts

    Listener = Callable[[int, int], None]


class Ledger:
    """Integer balances of all accounts, and the journal of what moved them."""

    def __init__(self, accounts: Accounts) -> None:
        # Lists, since single elements of arrays are slow to read and write.
        self.balance: list[int] = accounts.opening.tolist()
        #: The balance of each account at its overdraft limit.
        self._lowest: list[int] = accounts.lowest.tolist()
        # One entry per posting: the number of the transfer, or −k for other money, the k-th of `_others`.
        self._at: list[int] = []
        self._reference: list[int] = []
        #: Accounts that nothing leaves and nothing comes to any more.
        self.frozen: set[int] = set()
        #: Debit, credit and amount of what belongs to no payment, in order.
        self._others: list[tuple[int, int, int]] = []
        self._joined: list[tuple[int, int]] = []
        self._listeners: dict[int, list[Listener]] = {}
        #: Whether anybody listens, by account.
        self._listened = bytearray(len(self.balance))

    def listen(self, account: int, told: Listener) -> None:
        """Have `told(account, at)` called at every credit to an account; saying so twice changes nothing.

        The call comes in the middle of a posting: the listener takes note and acts later.
        """
        listeners = self._listeners.setdefault(account, [])
        if told not in listeners:
            listeners.append(told)
        self._listened[account] = True

    def leave(self, account: int, told: Listener) -> None:
        """Have `told` not called any more, after it has been listening."""
        self._listeners[account].remove(told)
        self._listened[account] = bool(self._listeners[account])

    def covers(self, account: int, amount: int) -> bool:
        """Whether `amount` can leave the account without passing its limit."""
        return self.balance[account] - amount >= self._lowest[account]

    def available(self, account: int) -> int:
        """How much can leave the account before it reaches its limit; never negative between postings."""
        return self.balance[account] - self._lowest[account]

    @property
    def latest(self) -> int:
        """The number of the latest posting, −1 before the first."""
        return len(self._at) - 1

    def transfer(self, posting: int) -> int:
        """The number of the transfer that a posting settled; negative for other money."""
        return self._reference[posting]

    def other_amount(self, posting: int) -> int:
        """How much other money a posting moved."""
        return self._others[~self._reference[posting]][2]

    def freeze(self, account: int) -> None:
        """From now on nothing is available on the account; who posts makes sure that nothing comes to it."""
        self.frozen.add(account)
        self._lowest[account] = self.balance[account]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Postings that take effect at once: limits hold before the first and after the last of them."""
        first = len(self._at)
        yield
        self._joined.append((first, len(self._at)))

    def settle(self, transfer: int, debit: int, credit: int, amount: int, at: int) -> None:
        """Post a transfer; the caller has made sure of cover, at this very instant."""
        self.balance[debit] -= amount
        self.balance[credit] += amount
        self._at.append(at)
        self._reference.append(transfer)
        if self._listened[credit]:
            for told in self._listeners[credit]:
                told(credit, at)

    def move(self, debit: int, credit: int, amount: int, at: int) -> int:
        """Post money that belongs to no payment, as `settle` does; returns the number of the posting."""
        self._others.append((debit, credit, amount))
        self.settle(-len(self._others), debit, credit, amount, at)
        return self.latest

    def journal(self, requests: Requests, payment: NDArray[np.int64]) -> Journal:
        """Everything posted, in order; transfers are looked up by their numbers, `payment` by journey."""
        reference = np.array(self._reference, dtype=np.int64)
        other = reference < 0
        debit, credit, amount = columns_of(self._others, 3)
        rows = reference[~other]

        def column(of_transfer: NDArray[np.int64], of_other: NDArray[np.int64] | int) -> NDArray[np.int64]:
            merged = np.empty(len(reference), dtype=np.int64)
            merged[~other], merged[other] = of_transfer[rows], of_other
            return merged

        batch = np.arange(len(reference))
        for first, end in self._joined:
            batch[first:end] = first
        return Journal(
            batch=batch,
            at=np.array(self._at, dtype=np.int64),
            payment=column(payment[requests.journey], -1),
            journey=column(requests.journey, -1),
            step=column(requests.step, -1),
            part=column(requests.part, -1),
            debit=column(requests.debit, debit),
            credit=column(requests.credit, credit),
            amount=column(requests.amount, amount),
        )


@dataclass(slots=True)
class Loan:
    """Money lent by one account to another, from `received_at` to `repaid_at` (NEVER: not yet).

    It is one of a `facility`, or of the `pool` of a system, by its number; the other one is −1. What could not be
    repaid was `carried_over` into another loan, whose money has then been `rolled` once more.
    """

    lender: int
    account: int
    drawn_at: int
    amount: int
    rate: float
    facility: int = -1
    pool: int = -1
    received_at: int = NEVER
    repaid_at: int = NEVER
    carried_over: int = 0
    rolled: int = 0


class LoanBook:
    """Every loan of a run, by number."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.loans: list[Loan] = []

    def columns(self) -> Loans:
        """All loans as columns."""
        columns: dict[str, Any] = {
            name: np.array(
                [getattr(loan, name) for loan in self.loans], dtype=np.float64 if name == "rate" else np.int64
            )
            for name in Loans._fields
        }
        return Loans(**columns)

    def __getitem__(self, number: int) -> Loan:
        return self.loans[number]

    def enter(self, loan: Loan) -> int:
        """Keep a loan that is drawn, and return its number."""
        self.loans.append(loan)
        return len(self.loans) - 1

    def stuck(self, number: int) -> bool:
        """Whether the lender's or the borrower's account is frozen."""
        loan = self.loans[number]
        return not self._ledger.frozen.isdisjoint((loan.lender, loan.account))

    def receive(self, number: int, at: int) -> int:
        """Move the money to the borrower, and return the number of the posting."""
        loan = self.loans[number]
        loan.received_at = at
        return self._ledger.move(loan.lender, loan.account, loan.amount, at)

    def repay(self, number: int, at: int, rate: float) -> int | None:
        """Move back what the account covers; returns the number of the loan into which the rest goes, if any."""
        loan = self.loans[number]
        covered = 0 if self.stuck(number) else max(self._ledger.available(loan.account), 0)
        paid = min(loan.amount, covered)
        if paid:
            self._ledger.move(loan.account, loan.lender, paid, at)
        loan.repaid_at = at
        loan.carried_over = loan.amount - paid
        if not loan.carried_over:
            return None
        return self.enter(
            replace(
                loan,
                drawn_at=at,
                received_at=at,
                amount=loan.carried_over,
                rate=rate,
                repaid_at=NEVER,
                carried_over=0,
                rolled=loan.rolled + 1,
            )
        )
