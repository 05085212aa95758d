"""In a gross system a bank may limit what it sends, net of what it receives, and keep money from ordinary payments.

Limits are TARGET2's in kind: towards one bank, or towards all without a limit of their own; but urgent payments
are no exception. A reservation is used up by urgent payments; what a bank holds back for caution is not, and goes on
at a time of the day. All begin anew on each day of the system's hours.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.clock import NEVER
from sim.engine.netting import Limits

if TYPE_CHECKING:
    from fractions import Fraction

    from sim.engine.systems.base import Movements, Setup


class Change(IntEnum):
    """How bounds change, in the order of one instant."""

    RELEASE = 0
    """A bank holds back no more on that day."""
    PACE = 1
    """Banks that hold back shall have sent a share of the day's value."""
    RENEWAL = 2
    """A day begins."""


class Turn(NamedTuple):
    """An instant at which bounds change; `account` is that of a release, `share` that of a throughput rule."""

    at: int
    change: Change
    account: int = -1
    share: Fraction | None = None


_LAST: Final = Turn(NEVER, Change.RENEWAL)


class Bounded:
    """What is left of limits and reservations, as payments settle, and what is held back."""

    def __init__(self, setup: Setup, floor: Movements) -> None:
        self._floor = floor
        self._bounds = setup.bounds
        # Room within a limit, by payer and the bank towards which it holds (the payer itself: all others).
        self._room: dict[tuple[int, int], int] = {}
        self._reserved: dict[int, int] = {}
        self._held: dict[int, int] = {}
        # How many urgent transfers wait on an account.
        self._urgent_waiting: Counter[int] = Counter()
        #: What an account has paid on the day, of those that may hold back.
        self._sent: dict[int, int] = {}
        self._turns = iter(turns(setup))
        self._next = next(self._turns, _LAST)
        self._fill()

    @property
    def next_turn(self) -> int:
        """Instant of the next change."""
        return self._next.at

    def turn(self) -> Turn:
        """Go through the next change."""
        done, self._next = self._next, next(self._turns, _LAST)
        match done.change:
            case Change.RENEWAL:
                self._fill()
            case Change.RELEASE:
                self._held.pop(done.account, None)
            case Change.PACE:
                pass
        return done

    def covers(self, number: int) -> bool:
        """Whether balance, limits, reservation and caution of the payer allow a transfer."""
        return self._allows(number, self._kept(self._floor.debit[number]))

    def covers_unheld(self, number: int) -> bool:
        """Whether they would if the payer held nothing back."""
        return self._allows(number, self._reserved.get(self._floor.debit[number], 0))

    def spare(self, number: int) -> int:
        """What a transfer leaves of the payer's cover beside what must be kept from it."""
        floor = self._floor
        payer = floor.debit[number]
        kept = 0 if self._urgent(number) else self._kept(payer)
        return floor.ledger.available(payer) - kept - floor.amount[number]

    def room(self, limit: tuple[int, int]) -> int:
        """How much may still be sent within a limit."""
        return self._room[limit]

    def settled(self, number: int) -> None:
        """A transfer has settled."""
        floor = self._floor
        payer, payee, amount = floor.debit[number], floor.credit[number], floor.amount[number]
        for limit, change in ((self.limit(payer, payee), -amount), (self.limit(payee, payer), amount)):
            if limit is not None:
                self._room[limit] += change
        if payer in self._reserved and self._urgent(number):
            self._reserved[payer] = max(self._reserved[payer] - amount, 0)
        if payer in self._sent:
            self._sent[payer] += amount

    def joined(self, number: int) -> bool:
        """A transfer waits now; tells whether that gives its account more cover, see `cover`."""
        urgent, payer = self._urgent(number), self._floor.debit[number]
        self._urgent_waiting[payer] += urgent
        return urgent and self._urgent_waiting[payer] == 1

    def left(self, number: int) -> bool:
        """A transfer waits no more; tells whether that gives its account less cover."""
        urgent, payer = self._urgent(number), self._floor.debit[number]
        self._urgent_waiting[payer] -= urgent
        return urgent and self._urgent_waiting[payer] == 0

    def cover(self, account: int) -> int:
        """What an account has for those who wait on it: all its cover if one of them is urgent."""
        available = self._floor.ledger.available(account)
        return available if self._urgent_waiting[account] else available - self._kept(account)

    @property
    def beside_cover(self) -> bool:
        """Whether anything else than `cover` may keep waiting transfers from settling."""
        return bool(self._room) or self._urgent_waiting.total() > 0

    def holding(self) -> list[int]:
        """Accounts whose banks hold back at present."""
        return list(self._held)

    def is_held(self, number: int) -> bool:
        """Whether a waiting transfer is one that its bank may hold back."""
        return self._floor.debit[number] in self._held and not self._urgent(number)

    def behind(self, account: int, share: Fraction, waiting: int) -> bool:
        """Whether less than a share has been paid of what the account was asked to, of which `waiting` is left.

        That is what was submitted on the day, and what waited when it began.
        """
        sent = self._sent[account]
        return sent < share * (sent + waiting)

    def limits(self, numbers: list[int], index: dict[int, int]) -> Limits:
        """The bounds of these transfers, for banks numbered by `index`."""
        floor = self._floor
        numbered = {limit: k for k, limit in enumerate(self._room)}
        keeping = dict.fromkeys([*self._reserved, *self._held])
        unkept = {account: len(numbered) + k for k, account in enumerate(keeping)}
        takes, brings = [], []
        for number in numbers:
            payer, payee = floor.debit[number], floor.credit[number]
            there, back = self.limit(payer, payee), self.limit(payee, payer)
            usual = -1 if self._urgent(number) else unkept.get(payer, -1)
            takes.append((-1 if there is None else numbered[there], usual))
            brings.append((-1 if back is None else numbered[back], unkept.get(payee, -1)))
        left = [*self._room.values()]
        left += [floor.ledger.available(account) - self._kept(account) for account in keeping]
        owners = [index[account] for account, _ in self._room] + [index[account] for account in keeping]
        return Limits(
            owner=np.array(owners, dtype=np.int64),
            left=np.array(left, dtype=np.int64),
            takes=np.array(takes, dtype=np.int64).reshape(-1, 2),
            brings=np.array(brings, dtype=np.int64).reshape(-1, 2),
        )

    def _allows(self, number: int, kept: int) -> bool:
        """Whether balance and limits allow a transfer, and an ordinary one leaves what is kept."""
        floor = self._floor
        payer, amount = floor.debit[number], floor.amount[number]
        limit = self.limit(payer, floor.credit[number])
        if not floor.covers(number) or (limit is not None and self._room[limit] < amount):
            return False
        return self._urgent(number) or floor.ledger.available(payer) - kept >= amount

    def _kept(self, account: int) -> int:
        """What ordinary payments must leave of the account's cover."""
        return max(self._reserved.get(account, 0), self._held.get(account, 0))

    def _urgent(self, number: int) -> bool:
        """Whether a transfer has a priority of 1 or more."""
        return self._floor.priority[number] > 0

    def _fill(self) -> None:
        for account, bounds in self._bounds.items():
            for other, amount in bounds.bilateral.items():
                self._room[account, other] = amount
            if bounds.multilateral is not None:
                self._room[account, account] = bounds.multilateral
            if bounds.reserved:
                self._reserved[account] = bounds.reserved
            if bounds.held:
                self._held[account] = bounds.held
                self._sent[account] = 0

    def limit(self, payer: int, payee: int) -> tuple[int, int] | None:
        """The limit that holds for what `payer` sends to `payee`."""
        for limit in ((payer, payee), (payer, payer)):
            if limit in self._room:
                return limit
        return None


def turns(setup: Setup) -> list[Turn]:
    """Every change of a system's bounds, in order."""
    hours = setup.hours
    first = np.append(True, hours.value_dates[1:] != hours.value_dates[:-1])
    days = [Turn(at, Change.RENEWAL) for at in hours.starts[first].tolist()]
    releases = [
        Turn(at, Change.RELEASE, account)
        for account, bounds in setup.bounds.items()
        for at in bounds.released_at
    ]
    paces = [Turn(pace.at, Change.PACE, share=pace.share) for pace in setup.paces]
    return sorted([*days, *releases, *paces], key=lambda turn: turn[:3])
