"""Where everything takes place: the world, the clock, whose turn it is, the books, and the systems that keep them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import simpy

    from oracle.books import Books, Change, Transfer
    from oracle.sessions import Sessions
    from oracle.story import FundingMove, Run, SquaringPayment
    from oracle.turns import Turns
    from sim.world.world import DrawnWorld

    #: Which of those that wait in a system a search for the optimum settled at an instant.
    Optimum = Callable[[int, int, list[Transfer]], list[Transfer]]


class System(Protocol):
    """Where payments settle; it is open whenever it is called, but for `withdraw`."""

    def submit(self, transfer: Transfer) -> None:
        """Take a transfer in."""
        ...

    def credited(self, account: int, *changes: Change) -> None:
        """Money has come to an account from elsewhere, or it is to be looked at for another reason."""
        ...

    def withdraw(self, frozen: set[int]) -> list[int]:
        """Give up what touches frozen accounts; returns the accounts on which others are to be looked at."""
        ...

    def waiting(self, account: int) -> int:
        """Value that waits on an account."""
        ...

    def held(self, account: int) -> int:
        """The part of it that its bank holds back."""
        ...


@dataclass(slots=True)
class Stage:
    """What all who act share; `hours` and `systems` by number of the system."""

    world: DrawnWorld
    env: simpy.Environment
    turns: Turns
    books: Books
    hours: list[Sessions]
    optimum: Optimum | None
    systems: dict[int, System] = field(default_factory=dict)
    funded: list[FundingMove] = field(default_factory=list)
    offsets: list[Run] = field(default_factory=list)
    squarings: list[SquaringPayment] = field(default_factory=list)

    def home(self, account: int) -> System:
        """The system that keeps an account."""
        return self.systems[self.world.network.accounts.system_number[account]]

    def waiting(self, account: int) -> int:
        """Value that waits on an account, in its own system and in links."""
        return sum(system.waiting(account) for system in self.systems.values())

    def away(self, account: int) -> int:
        """What would come back to an account if the sessions that it funds ended now."""
        numbers, found = self.world.network.accounts.number, 0
        for other in self.world.scenario.accounts:
            funding = other.funding
            if funding is not None and numbers[funding.through or other.holder, funding.from_] == account:
                found += max(self.books.balance[numbers[other.holder, other.system]], 0)
        return found

    def market(self, system: int) -> int:
        """The account from which other money comes."""
        return self.world.network.accounts.market(self.world.network.systems[system])
