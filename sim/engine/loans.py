"""A loan moves money to the borrower when it is received, and back, as far as the account covers it, when due."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.clock import NEVER
from sim.engine.records import Loans

if TYPE_CHECKING:
    from sim.engine.ledger import Ledger


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
