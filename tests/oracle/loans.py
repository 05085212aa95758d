"""A loan moves money when it is received, and back, as far as the account covers it, when it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oracle.story import Loan

if TYPE_CHECKING:
    from oracle.books import Change
    from oracle.stage import Stage


class Loans:
    """All loans, in the order in which they were drawn."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._books = stage.books
        self.drawn: list[Loan] = []

    def enter(
        self, account: int, lender: int, amount: int, *, rate: float = 0.0, facility: int = -1, pool: int = -1
    ) -> Loan:
        """A loan is drawn."""
        loan = Loan(facility, pool, lender, account, self._stage.env.now, None, amount, rate)
        self.drawn.append(loan)
        return loan

    def number(self, loan: Loan) -> int:
        """Its place among all."""
        return next(number for number, other in enumerate(self.drawn) if other is loan)

    def stuck(self, loan: Loan) -> bool:
        """Whether one of its accounts is frozen."""
        return bool(self._books.frozen & {loan.lender, loan.account})

    def receive(self, loan: Loan) -> Change:
        """The money comes."""
        loan.received_at = self._stage.env.now
        return self._books.move(loan.lender, loan.account, loan.amount)

    def repay(self, loan: Loan, *, rate: float) -> Loan | None:
        """Pay back what the account covers; the rest goes on as another loan at a rate, which is returned."""
        paid = 0 if self.stuck(loan) else max(min(loan.amount, self._books.left(loan.account)), 0)
        if paid:
            self._books.move(loan.account, loan.lender, paid)
        loan.repaid_at = self._stage.env.now
        loan.carried_over = loan.amount - paid
        if not loan.carried_over:
            return None
        rest = self.enter(
            loan.account, loan.lender, loan.carried_over, rate=rate, facility=loan.facility, pool=loan.pool
        )
        rest.received_at, rest.rolled = self._stage.env.now, loan.rolled + 1
        return rest
