"""Simulate only what contends: submissions are sorted beforehand, and drained in a plain loop between events.

Most payments never wait. What depends on money (a treasury, a netting cycle, or a payment that waited and so
reaches its next system late) becomes an event; SimPy keeps those events and the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine.agenda import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engine.floor import Floor
    from sim.engine.systems.base import Facility

#: How often a progress display is told the time, over the whole run.
_TICKS = 200


class Settlement:
    """Has everything happen that is planned and that is on the agenda; what happened is then on the `floor`."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        # Single elements of lists are quicker to read.
        self._takers: list[Facility] = floor.takers.tolist()
        #: The first planned submission whose time has not come.
        self._next = 0

    def run(self, progress: Callable[[int], None] | None = None) -> None:
        """Simulate until the end of the run; what has not settled by then stays where it waits.

        `progress` is told the simulated instant now and then.
        """
        floor, agenda = self._floor, self._floor.agenda
        if progress is not None:
            agenda.remind(max((agenda.end - agenda.start) // _TICKS, 1), progress)
        while True:
            self._drain(min(agenda.next_event, agenda.end))
            # Draining may itself have caused an earlier event.
            instant = agenda.next_event
            if instant < agenda.end:
                self._happen(int(instant))
            elif self._next == len(floor.planned) or floor.planned[self._next] >= agenda.end:
                return

    def _drain(self, bound: float) -> None:
        """Submit the planned transfers that arrive before `bound`, and before any event that they cause."""
        floor, agenda = self._floor, self._floor.agenda
        planned, late, takers, count = floor.planned, floor.late, self._takers, len(floor.planned)
        number = self._next
        while number < count and planned[number] < bound:
            if not late[number]:
                takers[number].submit(number, planned[number])
                if agenda.eventful:
                    bound = min(bound, agenda.next_event)
                    agenda.eventful = False
            number += 1
        self._next = number

    def _happen(self, at: int) -> None:
        """Do everything that is due at the instant of the next event, in order."""
        floor, agenda = self._floor, self._floor.agenda
        while True:
            first, planned = agenda.due(at), self._planned(at)
            if planned is not None and (first is None or planned < first):
                number = self._next
                self._next += 1
                if not floor.late[number]:
                    floor.submit(number, at)
            elif first is not None:
                agenda.take()(at)
            else:
                agenda.eventful = False
                return

    def _planned(self, at: int) -> tuple[Phase, tuple[int, ...]] | None:
        """Phase and order of the next planned submission, if it is due now.

        They are looked at singly, for an earlier one may void it.
        """
        floor, number = self._floor, self._next
        if number == len(floor.planned) or floor.planned[number] != at:
            return None
        return Phase.SUBMISSION, (-floor.priority[number], floor.payment[number], number)
