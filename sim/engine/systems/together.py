"""Waiting payments can settle together if what their banks bring one another covers what each of them pays."""

from __future__ import annotations

from collections import defaultdict, deque
from heapq import heapify, heappop, heappush
from itertools import takewhile
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sim.engine.systems.base import Movements
    from sim.engine.systems.queues import Queue


class _Step:
    """A bank gives up the end of its line, since even the first payment of that end is out of its reach.

    `received` is what the bank gets from all payments that are given up later than this, or never; with its own
    cover that stays below `need`, the sum of its line up to the first payment that is given up.
    """

    __slots__ = ("bank", "line", "need", "received", "time")

    def __init__(self, bank: int, time: int, received: int, need: int, line: Iterable[int]) -> None:
        self.bank = bank
        self.time = time
        self.received = received
        self.need = need
        self.line = deque(line)


class _Agenda:
    """Steps to go through in order of time, each once."""

    def __init__(self, steps: Mapping[int, list[_Step]], first: list[_Step]) -> None:
        self._steps = steps
        self._waiting = [(step.time, step) for step in first]
        self._seen = {step.time for step in first}
        #: Banks whose next step has been added: there is none before it.
        self.expects: set[int] = set()
        heapify(self._waiting)

    def take(self) -> _Step | None:
        """The next step, None if there is none left."""
        if not self._waiting:
            return None
        step = heappop(self._waiting)[1]
        self.expects.discard(step.bank)
        return step

    def add(self, bank: int, time: int) -> None:
        """Put a bank's first step after an instant on the agenda."""
        self.expects.add(bank)
        for step in self._steps[bank]:
            if step.time > time:
                if step.time not in self._seen:
                    self._seen.add(step.time)
                    heappush(self._waiting, (step.time, step))
                return


class Together:
    """Whether payments of some queues could settle together, known without looking at them all at each change.

    A set that could settle together stays able to while its payments wait, as long as their banks pay nothing
    else: what settles of it on its own leaves the others in the same position. It is kept while it lasts, and
    dropped when a bank that is yet to pay for it pays so much past it that its money would be missing.

    That there is none is proved by steps: one bank after the other gives up the end of its line, as
    `multilateral` netting would have it, until nothing is left. The steps are kept, and so is what each rests
    on, as payments come and go. A step that fails after a change lets its payments live on, to the next step
    of their bank that still holds or beyond the last one, and what they bring to others meanwhile may make
    steps fail in turn. Whatever outlives all steps is looked at anew: it is given up by new steps, or it is a
    set that could settle together.
    """

    def __init__(self, queues: Mapping[int, Queue], floor: Movements, cover: Callable[[int], int]) -> None:
        """`cover` says what an account has for the payments of its queue, less than nothing if it must keep more."""
        self._queues = queues
        self._floor = floor
        self._cover = cover
        self.count = 0
        #: Value waiting on an account, and for it.
        self.owed = dict.fromkeys(queues, 0)
        self._promised = dict.fromkeys(queues, 0)
        #: Each bank's steps in order of time, and the step that gives a payment up (none for those that live on).
        self._steps: dict[int, list[_Step]] = {account: [] for account in queues}
        self._end: dict[int, _Step] = {}
        self._first_time = self._last_time = 0
        #: Banks of which a step may fail, and those with payments not yet looked at.
        self._check: dict[int, None] = {}
        self._new: dict[int, None] = {}
        self._set: set[int] = set()
        #: What each payer of the set could still pay beside it, and how many payments of the set it has left.
        self._spare: dict[int, int] = {}
        self._members: dict[int, int] = {}

    def joined(self, number: int) -> None:
        """A payment has been put into its queue."""
        floor = self._floor
        payer, payee, amount = floor.debit[number], floor.credit[number], floor.amount[number]
        self.count += 1
        self.owed[payer] += amount
        self._promised[payee] += amount
        if not self._queues[payer].is_last(number):
            if payer in self._spare:
                self.forget()
            self._revive(payer)
        time: float = inf
        steps = self._steps[payer]
        if not steps and self._cover(payer) + self._promised[payer] < self.owed[payer] == amount:
            self._first_time -= 1
            steps.append(_Step(payer, self._first_time, self._promised[payer], amount, ()))
        if steps:
            steps[0].line.append(number)
            self._end[number] = steps[0]
            time = steps[0].time
        else:
            self._new[payer] = None
        self._bring(payee, amount, time)

    def left(self, number: int) -> None:
        """A payment is taken out of its queue, since it settles."""
        floor = self._floor
        payer, payee, amount = floor.debit[number], floor.credit[number], floor.amount[number]
        self.count -= 1
        self.owed[payer] -= amount
        self._promised[payee] -= amount
        step = self._end.pop(number, None)
        time = inf if step is None else step.time
        for other in self._steps[payee]:
            if other.time >= time:
                break
            other.received -= amount
        for other in self._steps[payer]:
            if other.time >= time:
                break
            other.need -= amount
        if step is not None:
            self._take_out(number, step)
        if number in self._set:
            self._set.discard(number)
            self._members[payer] -= 1
            if not self._members[payer]:
                del self._spare[payer]
        else:
            self.paid(payer, amount)

    def paid(self, payer: int, amount: int) -> None:
        """A bank has paid something that is not of the set."""
        if payer in self._spare:
            self._spare[payer] -= amount
            if self._spare[payer] < 0:
                self.forget()

    def credited(self, account: int) -> None:
        """An account that has payments waiting has more cover for them."""
        self._check[account] = None

    def forget(self) -> None:
        """The set that was known may no longer be able to settle."""
        for payer in self._spare:
            self._new[payer] = None
        self._set.clear()
        self._spare.clear()

    def solvable(self) -> bool:
        """Whether waiting payments could settle together; nobody can pay alone."""
        if self._set:
            return True
        self._spare.clear()
        if self._check:
            failing = self._failing(self._check)
            self._check.clear()
            if failing:
                self._mend(failing)
        if self._new:
            self._look_at_new()
        return bool(self._set)

    def _take_out(self, number: int, step: _Step) -> None:
        amount, line = self._floor.amount, step.line
        if line[0] != number:
            line.remove(number)
            return
        line.popleft()
        step.need -= amount[number]
        if line:
            step.need += amount[line[0]]
        else:
            self._steps[step.bank].remove(step)

    def _bring(self, payee: int, amount: int, time: float) -> None:
        """Count a payment for its payee until it is given up."""
        for step in self._steps[payee]:
            if step.time >= time:
                break
            step.received += amount
        self._check[payee] = None

    def _revive(self, bank: int) -> None:
        """A line has changed in the middle: all its payments are to be looked at anew."""
        floor = self._floor
        for step in self._steps[bank]:
            for number in step.line:
                del self._end[number]
                for other in self._steps[floor.credit[number]]:
                    if other.time >= step.time:
                        other.received += floor.amount[number]
                self._check[floor.credit[number]] = None
        self._steps[bank].clear()
        self._new[bank] = None

    def _failing(self, banks: Iterable[int]) -> list[_Step]:
        """Steps that do not hold."""
        return [
            step
            for bank in banks
            for step in self._steps[bank]
            if self._cover(bank) + step.received >= step.need
        ]

    def _mend(self, failing: list[_Step]) -> None:
        """Go through the steps that fail, and those that they make fail, in order of time."""
        amount, credit = self._floor.amount, self._floor.credit
        agenda = _Agenda(self._steps, failing)
        # Payments that live on past their step, by bank in order of their line, and what they bring.
        living: dict[int, list[int]] = {}
        gain: dict[int, int] = defaultdict(int)
        while (step := agenda.take()) is not None:
            bank, line = step.bank, step.line
            step.received += gain[bank]
            total = step.need - amount[line[0]]
            for number in living.pop(bank, ()):
                gain[credit[number]] -= amount[number]
                self._end[number] = step
                line.append(number)
            reach = self._cover(bank) + step.received
            kept: list[int] = []
            while line and total + amount[line[0]] <= reach:
                number = line.popleft()
                total += amount[number]
                kept.append(number)
                del self._end[number]
                gain[credit[number]] += amount[number]
                if credit[number] not in agenda.expects:
                    agenda.add(credit[number], step.time)
            if kept:
                living[bank] = kept
            if kept or gain[bank]:
                agenda.add(bank, step.time)
            if line:
                step.need = total + amount[line[0]]
            else:
                self._steps[bank].remove(step)
        self._new.update(dict.fromkeys(living))

    def _look_at_new(self) -> None:
        """Have payments that no step gives up given up by new steps, or find that they could settle together."""
        amount, credit = self._floor.amount, self._floor.credit
        lines = {
            bank: list(takewhile(lambda number: number not in self._end, self._queues[bank]))
            for bank in self._new
        }
        self._new.clear()
        owed = {bank: sum([amount[number] for number in line]) for bank, line in lines.items()}
        left = {bank: self._cover(bank) - owed[bank] for bank in lines}
        for line in lines.values():
            for number in line:
                if credit[number] in left:
                    left[credit[number]] += amount[number]
        work = deque(bank for bank, line in lines.items() if line and left[bank] < 0)
        while work:
            bank = work.popleft()
            line, cover = lines[bank], left[bank]
            given_up: deque[int] = deque()
            while cover < 0 and line:
                number = line.pop()
                given_up.appendleft(number)
                cover += amount[number]
                owed[bank] -= amount[number]
                payee = credit[number]
                if payee in left:
                    before = left[payee]
                    left[payee] = before - amount[number]
                    if lines[payee] and 0 <= before < amount[number]:
                        work.append(payee)
            left[bank] = cover
            self._last_time += 1
            step = _Step(
                bank,
                self._last_time,
                cover + owed[bank] - self._cover(bank),
                owed[bank] + amount[given_up[0]],
                given_up,
            )
            self._steps[bank].append(step)
            self._end.update(dict.fromkeys(given_up, step))
        for bank, line in lines.items():
            if line:
                self._set.update(line)
                self._spare[bank] = left[bank]
                self._members[bank] = len(line)
