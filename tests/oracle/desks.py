"""Who reviews: so many analysts, each with one case, which he ends before he takes up the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from oracle.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import simpy

    from oracle.sessions import Sessions
    from oracle.turns import Turns


class _Case(NamedTuple):
    """A case in line; `haste` is the priority with its sign turned, where the desk goes by that."""

    haste: int
    came: int
    work: int
    taken_up: simpy.Event


class Desk:
    """Cases lie in line from the moment they come; they are taken up while the desk is open and somebody is free."""

    def __init__(
        self,
        number: int,
        hours: Sessions,
        staff: int,
        turns: Turns,
        env: simpy.Environment,
        *,
        by_priority: bool,
    ) -> None:
        self.hours = hours
        self._number = number
        self._free = staff
        self._turns = turns
        self._env = env
        self._by_priority = by_priority
        self._line: list[_Case] = []
        self._came = 0
        env.process(self._openings())

    def bring(self, work: int, priority: int) -> simpy.Event:
        """The event of somebody's taking up a case that comes now."""
        case = _Case(-priority if self._by_priority else 0, self._came, work, self._env.event())
        self._came += 1
        self._line.append(case)
        self._take_up()
        return case.taken_up

    def _take_up(self) -> None:
        while self._line and self._free and self.hours.opening(self._env.now) == self._env.now:
            case = min(self._line)
            self._line.remove(case)
            self._free -= 1
            case.taken_up.succeed()
            self._env.process(self._analyst(case))

    def _analyst(self, case: _Case) -> Iterator[simpy.Event]:
        """At work in the hours of the desk; then free, before anything new comes at that instant."""
        ends = self.hours.done(self._env.now, case.work)
        if ends is None:
            return
        yield self._env.timeout(ends - self._env.now)
        yield self._turns.take(Turn.REVIEW, self._number)
        self._free += 1
        self._take_up()

    def _openings(self) -> Iterator[simpy.Event]:
        for opens in self.hours.opens_from(self._env.now):
            yield self._env.timeout(opens - self._env.now)
            yield self._turns.take(Turn.REVIEW, self._number)
            self._take_up()
