"""What keeps a bank from paying although its account covers it: limits, reservations, and its own caution."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from sim.world.bounds import Bounds as Stated

    from oracle.books import Books, Change, Transfer
    from sim.world.world import World


class Turn(NamedTuple):
    """When bounds change: a bank holds back no more, a share shall have been sent, or a day begins.

    Of several at one instant that is the order.
    """

    at: int
    order: int
    account: int = -1
    share: Fraction | None = None

    @property
    def kind(self) -> str:
        """As what it lets somebody go."""
        return ("unheld", "pace", "renewal")[self.order]


class Bounds:
    """What is left of all bounds of one system on the present day."""

    def __init__(self, number: int, world: World, books: Books) -> None:
        network = world.network
        mine = network.accounts.of_system(number)
        self._books = books
        self._stated: Mapping[int, Stated] = {k: network.bounds[k] for k in mine if k in network.bounds}
        #: Room by who sends and to whom; by who sends, twice, to all to whom there is no limit of its own.
        self._room: dict[tuple[int, int], int] = {}
        self._reserved: dict[int, int] = {}
        self.held: dict[int, int] = {}
        self._sent: dict[int, int] = {}
        #: The postings that count within limits.
        self._counted: set[int] = set()
        self.turns = sorted(self._turns(number, world), key=lambda turn: turn[:3]) if self._stated else []
        self._begin_day()

    def _turns(self, number: int, world: World) -> list[Turn]:
        hours = world.network.system_hours[number]
        starts, dates = hours.starts.tolist(), hours.value_dates.tolist()
        days = zip([None, *dates], dates, strict=False)
        return [
            *(Turn(at, 2) for at, (before, day) in zip(starts, days, strict=True) if day != before),
            *(Turn(at, 0, k) for k, stated in self._stated.items() for at in stated.released_at),
            *(Turn(pace.at, 1, share=pace.share) for pace in world.network.paces[number]),
        ]

    def take(self, turn: Turn) -> None:
        """Bounds change."""
        if turn.kind == "renewal":
            self._begin_day()
        elif turn.kind == "unheld":
            self.held.pop(turn.account, None)

    def _begin_day(self) -> None:
        for account, stated in self._stated.items():
            self._room |= {(account, other): most for other, most in stated.bilateral.items()}
            if stated.multilateral is not None:
                self._room[account, account] = stated.multilateral
            if stated.reserved:
                self._reserved[account] = stated.reserved
            if stated.held:
                self.held[account] = stated.held
                self._sent[account] = 0

    def allow(self, transfer: Transfer, *, unheld: bool = False) -> bool:
        """Whether cover and all bounds allow a transfer, those of its bank's caution perhaps aside."""
        limit = self._limit(transfer.debit, transfer.credit)
        return (
            self._books.covers(transfer)
            and (limit is None or transfer.amount <= self._room[limit])
            and (
                transfer.priority > 0
                or transfer.amount
                <= self._books.left(transfer.debit) - self._kept(transfer.debit, unheld=unheld)
            )
        )

    def lack_without(self, transfer: Transfer, taken: Sequence[Change]) -> bool:
        """Whether they would not allow it without the money of some changes."""
        debit = transfer.debit
        postings = {change.posting: self._books.postings[change.posting] for change in taken}
        kept = 0 if transfer.priority > 0 else self._kept(debit)
        money = sum(posting.amount for posting in postings.values())
        if self._books.left(debit) - kept - money < transfer.amount:
            return True
        limit = self._limit(debit, transfer.credit)
        if limit is None:
            return False
        room = sum(
            posting.amount
            for number, posting in postings.items()
            if number in self._counted and self._limit(debit, posting.debit) == limit
        )
        return self._room[limit] - room < transfer.amount

    def exceeded(self, account: int, chosen: Sequence[Transfer]) -> bool:
        """Whether an account would send more than its bounds allow if these transfers settled together."""
        sent = [transfer for transfer in chosen if transfer.debit == account]
        got = [transfer for transfer in chosen if transfer.credit == account]
        for limit, room in self._room.items():
            if limit[0] == account:
                out = [t.amount for t in sent if self._limit(account, t.credit) == limit]
                back = [t.amount for t in got if self._limit(account, t.debit) == limit]
                if out and sum(out) > room + sum(back):
                    return True
        ordinary = [t.amount for t in sent if t.priority <= 0]
        usable = self._books.left(account) - self._kept(account) + sum(t.amount for t in got)
        return bool(ordinary and self._kept(account)) and sum(ordinary) > usable

    def settled(self, transfer: Transfer, posting: int) -> None:
        """A transfer has settled here."""
        self._counted.add(posting)
        there, back = (
            self._limit(transfer.debit, transfer.credit),
            self._limit(transfer.credit, transfer.debit),
        )
        if there is not None:
            self._room[there] -= transfer.amount
        if back is not None:
            self._room[back] += transfer.amount
        if transfer.priority > 0 and transfer.debit in self._reserved:
            self._reserved[transfer.debit] = max(self._reserved[transfer.debit] - transfer.amount, 0)
        if transfer.debit in self._sent:
            self._sent[transfer.debit] += transfer.amount

    def behind(self, account: int, share: Fraction, waiting: int) -> bool:
        """Whether a bank has sent less than a share of what it was asked to on this day, of which so much waits."""
        return self._sent[account] < share * (self._sent[account] + waiting)

    def holds_back(self, transfer: Transfer) -> bool:
        """Whether a waiting transfer is one that its bank may hold back."""
        return transfer.debit in self.held and transfer.priority <= 0

    def _kept(self, account: int, *, unheld: bool = False) -> int:
        """What ordinary payments must leave."""
        return max(self._reserved.get(account, 0), 0 if unheld else self.held.get(account, 0))

    def _limit(self, debit: int, credit: int) -> tuple[int, int] | None:
        return next((limit for limit in ((debit, credit), (debit, debit)) if limit in self._room), None)
