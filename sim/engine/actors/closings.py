"""At stated instants accounts go back to zero: what is left overnight is emptied, what agents owe is squared."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from sim.core.clock import NEVER
from sim.engine.agenda import Phase
from sim.engine.changes import OPENING
from sim.engine.records import FundingMove, SquaringPayment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sim.engine.floor import Floor
    from sim.engine.systems.opened import Systems
    from sim.world.world import World


class Rule(Protocol):
    """How the accounts of one system go back to zero, and when."""

    instants: Iterable[int]

    def close(self, accounts: list[int], at: int) -> dict[int, list[int]]:
        """Move what is left on accounts that are not frozen; returns those that got money, and by which postings."""
        ...


class Closing:
    """Brings the accounts of one system to zero at the instants of a rule."""

    def __init__(
        self, number: int, accounts: Iterable[int], rule: Rule, floor: Floor, systems: Systems
    ) -> None:
        self._number = number
        self._accounts = list(accounts)
        self._rule = rule
        self._floor = floor
        self._systems = systems
        self._instants = iter(rule.instants)
        self._await()

    def _await(self) -> None:
        self._floor.agenda.schedule(next(self._instants, NEVER), Phase.CLOSING, self._close, self._number)

    def _close(self, at: int) -> None:
        frozen = self._floor.ledger.frozen
        free = [account for account in self._accounts if account not in frozen]
        for account, postings in self._rule.close(free, at).items():
            self._tell(account, at, postings)
        self._systems.every[self._number].emptied()
        for account in self._accounts:
            self._floor.want(account, at)
        self._await()

    def _tell(self, account: int, at: int, postings: list[int]) -> None:
        """What came to an account of a system that is shut by now lets nobody go before that opens."""
        opens_at = self._systems.opens_at(account, at)
        if opens_at == at:
            self._systems.credited(account, at, postings)
            return
        opened = partial(self._systems.credited, account, changes=[OPENING])
        self._floor.agenda.schedule(opens_at, Phase.DELIVERY, opened, account, -2)


class ZeroBalance:
    """What is left on an account at the end of a session goes to the market; an overdraft stays.

    On an account that is funded from another one it goes back there, unless that is frozen.
    """

    def __init__(
        self, market: int, sources: Mapping[int, int], instants: Iterable[int], floor: Floor
    ) -> None:
        """`sources` are the accounts from which others are funded."""
        self.instants = instants
        self._market = market
        self._sources = sources
        self._floor = floor

    def close(self, accounts: list[int], at: int) -> dict[int, list[int]]:
        """See `Rule`: those from which accounts are funded get money."""
        ledger, got = self._floor.ledger, dict[int, list[int]]()
        for account in accounts:
            left, to = ledger.balance[account], self._sources.get(account, self._market)
            if left <= 0 or to in ledger.frozen:
                continue
            posting = ledger.move(account, to, left, at)
            if to != self._market:
                self._floor.funded.append(FundingMove(account, to, at, -left))
                got.setdefault(to, []).append(posting)
        return got


class Squaring:
    """At the end of a period agents below zero in a clearing account pay those above, in order of accounts."""

    def __init__(self, number: int, instants: Iterable[int], floor: Floor) -> None:
        self.instants = instants
        self._number = number
        self._floor = floor

    def close(self, accounts: list[int], at: int) -> dict[int, list[int]]:
        """See `Rule`: the positions move together; whoever owed can pay again."""
        ledger = self._floor.ledger
        owing = [account for account in accounts if ledger.balance[account] < 0]
        squared: dict[int, list[int]] = {}
        with ledger.together():
            for debtor in owing:
                for creditor in accounts:
                    amount = min(-ledger.balance[debtor], ledger.balance[creditor])
                    if amount > 0:
                        squared.setdefault(debtor, []).append(ledger.move(creditor, debtor, amount, at))
                        payment = SquaringPayment(self._number, at, debtor, creditor, amount)
                        self._floor.squarings.append(payment)
        return squared


def build_closings(world: World, floor: Floor, systems: Systems) -> None:
    """A closing for each system that empties or squares accounts."""
    network = world.network
    sources = {funding.account: funding.source for funding in network.session_funding}
    for number, (squared_at, emptied_at) in enumerate(zip(network.clearings, network.emptied, strict=True)):
        accounts = network.accounts.of_system(number)
        if squared_at:
            Closing(number, accounts, Squaring(number, squared_at, floor), floor, systems)
        elif emptied_at:
            market = network.accounts.market(network.systems[number])
            rule = ZeroBalance(market, sources, emptied_at, floor)
            emptied = [account for account in accounts if account != market]
            Closing(number, emptied, rule, floor, systems)
