"""The desk of a bank looks at every payment, reviews some of them, and sends some of those back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import NEVER
from sim.engine.records import Reviews
from sim.engine.requests import Asked
from sim.engine.steps.base import KINDS, Contended, without_exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours
    from sim.engine.records import Log, Waits
    from sim.engine.steps.base import Rows
    from sim.world.roles import Roles
    from sim.world.steps import StepPlan
    from sim.world.world import World


class Case(NamedTuple):
    """A payment that a person reviews: seconds of work, and if it is sent back, those until the money goes then."""

    work: int
    return_after: int | None


class ScreenStep(Contended):
    """A drawn part of the payments waits for a reviewer's working time; the rest passes at once.

    Only at a desk with so many people, or where a payment may be sent back, does anything depend on the
    course of the simulation; all other reviews are told here, for all payments at once.
    """

    def __init__(self, plan: StepPlan, world: World, roles: Roles) -> None:
        if plan.reviews is None:
            raise TypeError("only at a step with reviews does anybody look at payments")
        self._policy = plan.reviews
        self._attempt = world.journeys.attempt
        self._roles = roles
        self._at = plan.stated["at"]
        self._staffed = np.array([desk.staff is not None for desk in world.network.desks], dtype=np.bool_)
        self._hours = [desk.hours for desk in world.network.desks]
        self._failed_at = world.network.failed_at

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        reviewed, banks, work = self._cases(rows, at)
        out = at.copy()
        out[reviewed] = self._worked(rows[reviewed], banks[reviewed], at[reviewed], work, log)
        return out

    def enter(self, _rows: Rows, at: Seconds, _log: Log | None) -> Seconds:
        """See `Contended`: cases lie on the desk as soon as they come, also at night."""
        return at

    def asked(self, number: int, rows: Rows, arrival: Seconds) -> Asked:
        """See `Contended`: whatever may have to wait, or may come back."""
        banks, policy = self._roles.banks(self._at, rows), self._policy
        reviewed, returning = (
            policy.review[rows] < policy.most_reviewed,
            policy.sent[rows] < policy.most_returned,
        )
        mine = np.flatnonzero(reviewed & (self._staffed[banks] | returning))
        none = np.full(len(mine), -1)
        return Asked(
            journey=rows[mine],
            step=np.full(len(mine), number),
            system=none,
            desk=banks[mine],
            debit=none,
            credit=none,
            counter_debit=none,
            counter_credit=none,
            arrival=arrival[mine],
        )

    def case(self, row: int, at: int) -> Case | None:
        """See `Step`."""
        rows, instants = np.array([row]), np.array([at])
        reviewed, banks, work = self._cases(rows, instants)
        if not len(reviewed):
            return None
        if not self._policy.sent_back(rows, banks, instants)[0]:
            return Case(int(work[0]), None)
        return Case(int(work[0]), int(self._policy.return_after(rows, banks, instants)[0]))

    def wait(self, number: int, rows: Rows, arrival: Seconds, waits: Waits, log: Log) -> Seconds:
        """See `Contended`.

        Until an analyst takes a case up, open seconds of the desk are `staff`, the others closed, or `outage` if it
        should have been open.
        """
        reviewed, banks, work = self._cases(rows, arrival)
        out = arrival.copy()
        mine, banks, arrival = rows[reviewed], banks[reviewed], arrival[reviewed]
        waited = waits.settled[mine] >= 0
        began = np.where(waited, waits.accepted[mine], arrival)
        for places, hours in self._by_hours(banks):
            stopped = self._failed_at[banks[places]]
            log.delays.spend_waiting(mine[places], arrival[places], began[places], hours, stopped)
        ended = self._worked(mine, banks, began, work, log)
        back = self._policy.sent_back(mine, banks, arrival) & (ended < NEVER)
        after = self._policy.return_after(mine, banks, arrival)
        log.review(
            Reviews(
                payment=mine,
                attempt=self._attempt[mine],
                step=np.full(len(mine), number),
                bank=banks,
                arrived_at=arrival,
                began_at=began,
                ended_at=ended,
                work=work,
                sent_back=back,
            ),
            goes_back_at=ended + after,
        )
        out[reviewed] = np.where(back, NEVER, ended)
        return out

    def _cases(self, rows: Rows, at: Seconds) -> tuple[NDArray[np.intp], NDArray[np.int64], Seconds]:
        """Places of those that are reviewed; the bank of each payment; the work on each of those reviewed."""
        banks = self._roles.banks(self._at, rows)
        reviewed = np.flatnonzero(self._policy.reviewed(rows, banks, at))
        work = self._policy.work(rows[reviewed], banks[reviewed], at[reviewed])
        return reviewed, banks, work

    def _worked(
        self, rows: Rows, banks: NDArray[np.int64], at: Seconds, work: Seconds, log: Log | None
    ) -> Seconds:
        """When work that begins at `at` is done."""
        out = np.empty_like(at)
        for places, hours in self._by_hours(banks):
            if log is not None:
                stopped = self._failed_at[banks[places]]
                log.delays.spend_working(rows[places], at[places], work[places], hours, stopped)
            out[places] = hours.advance(at[places], work[places])
        return out

    def _by_hours(self, banks: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.intp], OpeningHours]]:
        """Places of the cases of desks with the same hours, together with these."""
        present = np.unique(banks).tolist()
        for first in dict.fromkeys(self._hours[bank] for bank in present):
            mine = [bank for bank in present if self._hours[bank] is first]
            yield np.flatnonzero(np.isin(banks, mine)), first


KINDS.add(without_exchange(ScreenStep), "screen")
