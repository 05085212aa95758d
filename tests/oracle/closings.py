"""At stated instants accounts go back to zero: what is left is taken away, or what agents owe each other is paid."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from oracle.books import Change
from oracle.story import FundingMove, SquaringPayment
from oracle.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.stage import Stage


class Closing:
    """Closes the accounts of a system, as often as that is stated."""

    def __init__(self, number: int, stage: Stage, sources: dict[int, int]) -> None:
        """`sources` are the accounts that fund others, by these."""
        network = stage.world.network
        self._number = number
        self._sources = sources
        self._stage = stage
        self._books = stage.books
        self._accounts = list(network.accounts.of_system(number))
        self._squares = bool(network.clearings[number])
        instants = network.clearings[number] or network.emptied[number]
        if not self._squares and instants:
            self._accounts.remove(stage.market(number))
        stage.env.process(self._course([at for at in instants if at >= stage.env.now]))

    def _course(self, instants: list[int]) -> Iterator[simpy.Event]:
        for at in instants:
            yield from self._stage.turns.at(at, Turn.CLOSING, self._number)
            free = [account for account in self._accounts if account not in self._books.frozen]
            if self._squares:
                self._square(free)
            else:
                self._empty(free)
            for account in self._accounts:
                self._books.want(account)

    def _empty(self, accounts: list[int]) -> None:
        """What is there goes to the market, or back to where it came from unless that is frozen; an overdraft stays."""
        news: defaultdict[int, list[Change]] = defaultdict(list)
        for account in accounts:
            left, source = self._books.balance[account], self._sources.get(account)
            if left <= 0 or source in self._books.frozen:
                continue
            if source is None:
                self._books.move(account, self._stage.market(self._number), left)
            else:
                news[source].append(self._books.move(account, source, left))
                self._stage.funded.append(FundingMove(account, source, self._stage.env.now, -left))
        for source, changes in news.items():
            system = self._stage.world.network.accounts.system_number[source]
            opens = self._stage.hours[system].opening(self._stage.env.now)
            if opens == self._stage.env.now:
                self._stage.home(source).credited(source, *changes)
            else:
                self._stage.env.process(self._opened(source, opens))

    def _opened(self, source: int, at: int | None) -> Iterator[simpy.Event]:
        """What came while the system was shut lets go who waits when that opens."""
        yield from self._stage.turns.at(at, Turn.DELIVERY, source, -2)
        self._stage.home(source).credited(source, Change("opening"))

    def _square(self, accounts: list[int]) -> None:
        """Who owes pays those who are owed, all at once; then it is looked at what waits on them."""
        balance, batch = self._books.balance, len(self._books.postings)
        news: defaultdict[int, list[Change]] = defaultdict(list)
        for debtor in [account for account in accounts if balance[account] < 0]:
            for creditor in accounts:
                amount = min(-balance[debtor], balance[creditor])
                if amount > 0:
                    news[debtor].append(self._books.move(creditor, debtor, amount, batch))
                    told = SquaringPayment(self._number, self._stage.env.now, debtor, creditor, amount)
                    self._stage.squarings.append(told)
        for debtor, changes in news.items():
            self._stage.systems[self._number].credited(debtor, *changes)
