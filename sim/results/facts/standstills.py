"""Where payments wait, either some could settle together, or their banks wait for each other or for more money.

The states of a gross system after all of an instant at which it is open:

- `gridlock`: a set of waiting payments exists that leaves every account within its limits if it settles together,
  and that holds of each bank's payments the first ones in the order of its queue (Danmarks Nationalbank, Kronos);
- `deadlock`: there is none, and the banks wait for each other in a circle;
- `shortage`: there is none, and nothing but money from elsewhere is missing.

Links, and systems that settle in cycles only, have no such states.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.causes import STANDSTILLS
from sim.engine.ledger import Ledger
from sim.engine.netting import multilateral
from sim.engine.records import Submissions
from sim.engine.systems.base import Setup
from sim.engine.systems.bounds import Bounded, turns
from sim.engine.systems.queues import QUEUES
from sim.engine.systems.snapshot import Snapshot
from sim.engine.systems.together import Together

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.records import Records
    from sim.world.world import DrawnWorld


class Episode(NamedTuple):
    """A stretch of one state in which nothing settles; it may last through nights in which the system is closed."""

    state: str
    began_at: int
    ended_at: int


class Standstills(NamedTuple):
    """How many episodes of each of `STANDSTILLS` there were, and for how many seconds the system was open meanwhile."""

    episodes: dict[str, int]
    seconds: dict[str, int]


def standstills(world: DrawnWorld, records: Records, system: str) -> Standstills:
    """The episodes of a system in the whole run."""
    hours = world.network.system_hours[world.network.systems.index(system)]
    found = episodes(world, records, system)
    counts, seconds = dict.fromkeys(STANDSTILLS, 0), dict.fromkeys(STANDSTILLS, 0)
    began, ended = (np.array([one[k] for one in found], dtype=np.int64) for k in (1, 2))
    for one, lasted in zip(found, hours.open_seconds(began, ended).tolist(), strict=True):
        counts[one.state] += 1
        seconds[one.state] += lasted
    return Standstills(counts, seconds)


def episodes(world: DrawnWorld, records: Records, system: str) -> list[Episode]:
    """Every episode of a system, in order of time; the last one may end with the run."""
    found: list[Episode] = []
    since, current, end = 0, None, world.window.end
    for at, settled, state in _course(world, records, system):
        if current is not None and (settled or state != current):
            found.append(Episode(current, since, at))
            current = None
        if current is None:
            since, current = at, state
    if current is not None:
        found.append(Episode(current, since, end))
    return found


def _course(world: DrawnWorld, records: Records, system: str) -> Iterator[tuple[int, bool, str | None]]:
    """Instants at which something changed, whether anything settled since the one before, and the state from then on.

    What changes while the system is closed shows when it opens.
    """
    declared = world.scenario.systems[system]
    if declared.queue_order is None:
        return
    replay = _Replay(declared.queue_order, world, records, world.network.systems.index(system))
    if not replay.ever_waits:
        return
    settled = False
    for seen_at, instants in groupby(replay.instants(), key=itemgetter(0)):
        for _, at, events in instants:
            settled |= replay.go_to(at, events)
        if seen_at < world.window.end:
            yield seen_at, settled, replay.state()
            settled = False


class _Event(IntEnum):
    """What changes at an instant, in the order in which the replay goes through it."""

    TURN = 0
    """Bounds change."""
    SETTLED = 1
    """A movement settled."""
    MOVED = 2
    """Money moved that belongs to no payment."""
    WITHDRAWN = 3
    """A movement waits no more because a bank has failed."""
    FROZEN = 4
    """An account is frozen."""
    WAITS = 5
    """A movement has joined a queue and is still there when the instant is over."""


class _Replay:
    """Queues, balances and bounds of one gross system, as the record tells that they went on."""

    def __init__(self, discipline: str, world: DrawnWorld, records: Records, number: int) -> None:
        network, rows = world.network, records.submissions
        accounts = network.accounts.of_system(number)
        # Movements of links change balances, but have no part in the queues and bounds of the system.
        rows = Submissions(*(column[np.isin(rows.debit, accounts)] for column in rows))
        own, frozen_at = rows.system == number, network.frozen_at
        until = np.minimum(rows.settled_at, np.minimum(frozen_at[rows.debit], frozen_at[rows.credit]))
        waits = own & (rows.submitted_at < until)
        self.ever_waits = bool(waits.any())
        self.ledger = Ledger(network.accounts)
        self.debit: list[int] = rows.debit.tolist()
        self.credit: list[int] = rows.credit.tolist()
        self.amount: list[int] = rows.amount.tolist()
        self.priority: list[int] = world.payments.priority[rows.payment].tolist()
        self._own: list[bool] = own.tolist()
        self._waits: list[bool] = waits.tolist()
        self._setup = _setup(world, number)
        self._queues = {account: QUEUES[discipline](self) for account in accounts}
        self._bounded = Bounded(self._setup, self) if self._setup.bounds else None
        cover = self.ledger.available if self._bounded is None else self._bounded.cover
        self._together = Together(self._queues, self, cover)
        self._circle = _Circle()
        journal = records.journal
        # Funding moves money from one system to another.
        touched = np.isin(journal.debit, accounts) | np.isin(journal.credit, accounts)
        other = (journal.payment < 0) & touched
        self._other = [column[other].tolist() for column in (journal.debit, journal.credit, journal.amount)]
        withdrawn = np.flatnonzero(waits & (until < rows.settled_at))
        waiting = np.flatnonzero(waits)
        waiting = waiting[np.argsort(rows.queue_entry[waiting])]
        mine = np.array(accounts, dtype=np.int64)
        turned = [turn.at for turn in turns(self._setup)] if self._setup.bounds else []
        self._events = _in_order(
            (_Event.TURN, np.array(turned, dtype=np.int64), np.zeros(len(turned), dtype=np.int64)),
            (_Event.SETTLED, rows.settled_at, np.arange(len(own))),
            (_Event.MOVED, journal.at[other], np.arange(int(other.sum()))),
            (_Event.WITHDRAWN, until[withdrawn], withdrawn),
            (_Event.FROZEN, frozen_at[mine], mine),
            (_Event.WAITS, rows.submitted_at[waiting], waiting),
            end=world.window.end,
        )

    def covers(self, number: int) -> bool:
        """See `Movements`."""
        return self.ledger.covers(self.debit[number], self.amount[number])

    def instants(self) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
        """When what happens at an instant shows, that instant, and its events with what they concern."""
        at, *events = self._events
        shows: list[int] = self._setup.hours.next_open(at).tolist()
        told = zip(shows, at.tolist(), *(column.tolist() for column in events), strict=True)
        for (seen_at, instant), rows in groupby(told, key=itemgetter(0, 1)):
            yield seen_at, instant, [(event, number) for _, _, event, number in rows]

    def go_to(self, at: int, events: list[tuple[int, int]]) -> bool:
        """Go through everything of an instant; tells whether anything settled."""
        settled = False
        gone = [number for event, number in events if event == _Event.WITHDRAWN]
        for event, number in events:
            if event == _Event.TURN:
                self._turn(at)
            elif event == _Event.SETTLED:
                settled = True
                self._settle(number, at)
                if self._waits[number]:
                    gone.append(number)
            elif event == _Event.MOVED:
                debit, credit, amount = (column[number] for column in self._other)
                self._move(-1, debit, credit, amount, at)
                self._together.paid(debit, amount)
        self._leave(gone)
        for event, number in events:
            if event == _Event.FROZEN:
                self.ledger.freeze(number)
                self._together.forget()
            elif event == _Event.WAITS:
                self._join(number)
        return settled

    def state(self) -> str | None:
        """The state that the queues are in, None if nobody waits."""
        if not self._together.count:
            return None
        if self._solvable():
            return "gridlock"
        return "deadlock" if self._circle.exists() else "shortage"

    def _solvable(self) -> bool:
        """Whether waiting payments could settle together; bounds beside cover are looked at where that allows it."""
        if not self._together.solvable():
            return False
        if self._bounded is None or not self._bounded.beside_cover:
            return True
        waiting = [number for queue in self._queues.values() for number in queue]
        snapshot = Snapshot(self, self._setup, waiting, self._bounded)
        return bool(multilateral(snapshot.queue, snapshot.available, snapshot.limits).any())

    def _turn(self, at: int) -> None:
        bounded = self._bounded
        while bounded is not None and bounded.next_turn <= at:
            bounded.turn()
        self._together.forget()
        for account, queue in self._queues.items():
            if queue:
                self._together.credited(account)

    def _settle(self, number: int, at: int) -> None:
        debit, amount = self.debit[number], self.amount[number]
        self._move(number, debit, self.credit[number], amount, at)
        if self._bounded is not None and self._own[number]:
            self._bounded.settled(number)
        if not self._waits[number]:
            self._together.paid(debit, amount)

    def _move(self, number: int, debit: int, credit: int, amount: int, at: int) -> None:
        self.ledger.settle(number, debit, credit, amount, at)
        if self._queues.get(credit):
            self._together.credited(credit)

    def _leave(self, numbers: list[int]) -> None:
        by_account: dict[int, set[int]] = {}
        for number in numbers:
            by_account.setdefault(self.debit[number], set()).add(number)
            self._together.left(number)
            self._circle.without(self.debit[number], self.credit[number])
            if self._bounded is not None and self._bounded.left(number):
                self._together.forget()
        for account, gone in by_account.items():
            self._queues[account].remove(gone)

    def _join(self, number: int) -> None:
        payer = self.debit[number]
        self._queues[payer].push(number)
        self._together.joined(number)
        self._circle.add(payer, self.credit[number])
        if self._bounded is not None and self._bounded.joined(number):
            self._together.credited(payer)


def _setup(world: DrawnWorld, number: int) -> Setup:
    """Where a gross system stands, as far as queues and bounds look at it."""
    network = world.network
    accounts = network.accounts.of_system(number)
    return Setup(
        number=number,
        accounts=accounts,
        hours=network.system_hours[number],
        cycles=(),
        caps={},
        bounds={k: network.bounds[k] for k in accounts if k in network.bounds},
        paces=(),
        legs={},
    )


def _in_order(*kinds: tuple[_Event, Seconds, NDArray[np.int64]], end: int) -> list[NDArray[np.int64]]:
    """Instants, events and what they concern as columns, by instant, then kind, up to the end of the run."""
    at = np.concatenate([instants for _, instants, _ in kinds])
    event = np.concatenate([np.full(len(instants), int(kind)) for kind, instants, _ in kinds])
    number = np.concatenate([numbers for *_, numbers in kinds])
    order = np.lexsort((event, at))
    order = order[at[order] < end]
    return [at[order], event[order], number[order]]


class _Circle:
    """The graph of who waits to pay whom, and whether that leads back to where it began."""

    def __init__(self) -> None:
        self._payments: Counter[tuple[int, int]] = Counter()
        self._exists: bool | None = False

    def add(self, payer: int, payee: int) -> None:
        """A payment waits. That breaks no circle."""
        self._payments[payer, payee] += 1
        if self._payments[payer, payee] == 1 and not self._exists:
            self._exists = None

    def without(self, payer: int, payee: int) -> None:
        """A payment waits no more. That makes no circle."""
        self._payments[payer, payee] -= 1
        if not self._payments[payer, payee]:
            del self._payments[payer, payee]
            if self._exists:
                self._exists = None

    def exists(self) -> bool:
        """Whether some banks wait to pay each other in a circle."""
        if self._exists is None:
            payees: dict[int, list[int]] = {}
            for payer, payee in self._payments:
                payees.setdefault(payer, []).append(payee)
            try:
                TopologicalSorter(payees).prepare()
                self._exists = False
            except CycleError:
                self._exists = True
        return self._exists
