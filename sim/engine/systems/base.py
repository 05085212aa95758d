"""A system takes transfers in and settles them by its own rules, on the floor that it shares with the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from sim.core.kinds import Halves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.core.hours import OpeningHours
    from sim.engine.ledger import Ledger
    from sim.world.accounts import Bounds, Pace


class Setup(NamedTuple):
    """What a system is told when it opens: its number, accounts, hours and cycles, and caps and bounds by account.

    `paces` is its throughput rule, `legs` are the systems that keep the accounts of a link, by account.
    """

    number: int
    accounts: tuple[int, ...]
    hours: OpeningHours
    cycles: tuple[int, ...]
    caps: dict[int, int]
    bounds: dict[int, Bounds]
    paces: tuple[Pace, ...]
    legs: dict[int, System]


class Movements(Protocol):
    """Transfers by number, and the balances that they change: all that queues and bounds look at.

    While the run is simulated this is the floor; afterwards, what is on record.
    """

    ledger: Ledger
    debit: list[int]
    credit: list[int]
    amount: list[int]
    priority: list[int]

    def covers(self, number: int) -> bool:
        """Whether the debited account covers a transfer."""
        ...


class Facility(Protocol):
    """Takes requests in, and meets them by its own rules."""

    def submit(self, number: int, at: int) -> None:
        """Take in a request: meet it, or keep it waiting."""
        ...


class System(Facility, Protocol):
    """Rules of settlement; every call happens while the system is open, at the instant `at`."""

    def credited(self, account: int, at: int, changes: Sequence[int]) -> None:
        """Money has come to an account from outside: settle what that allows.

        `changes` are the postings that brought it, or what else had the account looked at, see `Changes`. Whatever
        waited and settles is entered in `Floor.queued` with the last change that it needed.
        """
        ...

    def emptied(self) -> None:
        """Money was taken from accounts."""
        ...

    def withdraw(self, accounts: frozenset[int], at: int) -> list[int]:
        """Give up waiting transfers that debit or credit one of the accounts, perhaps while the system is closed.

        Returns the accounts on which others may settle now, as if they had been credited.
        """
        ...

    def waiting(self, account: int) -> int:
        """Value that waits for cover on an account, in minor units."""
        ...

    def held(self, account: int) -> int:
        """The part of it that its bank holds back of its own will."""
        ...


#: Who settles, by the `kind` of the declaration: called with that, with its place and with the floor.
KINDS: Final[Halves[Callable[..., System]]] = Halves("kind of system", "an engine")
