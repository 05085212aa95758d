"""What became of a payment is what became of its last attempt; all the time before that was lost to returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.clock import NEVER
from sim.engine.delays import came_back
from sim.engine.records import Returns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.engine.delays import Delays, Stays
    from sim.engine.records import Log
    from sim.engine.walks import Traced, Walk
    from sim.world.world import World


class Course:
    """Journeys one after the other, as their walks are traced; instants by journey, NEVER where it did not happen."""

    def __init__(self, world: World) -> None:
        self._journeys = world.journeys
        self._end = world.window.end
        count = len(world.payments)
        self.begun: Seconds = world.payments.instructed_at.copy()
        self._settled_at, self._credited_at = np.full(count, NEVER), np.full(count, NEVER)
        self._returned_at = np.full(count, NEVER)
        #: The bank that sent it on its way back.
        self._bank = np.full(count, -1)
        #: When it was sent back, and when the attempt was instructed that it undoes.
        self._sent_back_at = np.full(count, NEVER)
        self._instructed_at = np.full(count, NEVER)

    def follow(self, walk: Walk, traced: Traced, log: Log) -> None:
        """Begin the journeys that follow from those of a walk."""
        rows, journeys = walk.rows, self._journeys
        self._settled_at[rows], self._credited_at[rows] = traced.settled_at, traced.credited_at
        if walk.leads_back:
            *before, corrected_at = traced.left
            # Where nothing had moved, it is back as soon as the way back begins.
            self._returned_at[rows] = before[-1] if before else walk.accepted(self.begun)
            on = journeys.again[rows] >= 0
            # Of the ways back of an attempt, from one review or another, it takes one at most.
            again = journeys.again[rows[on]]
            self.begun[again] = np.minimum(self.begun[again], corrected_at[on])
            return
        for step, back in journeys.back.items():
            sent = rows[log.sent_back_from[rows] == step]
            self.begun[back[sent]] = log.goes_back_at[sent]
            self._sent_back_at[back[sent]] = log.sent_back_at[sent]
            self._bank[back[sent]] = log.sent_back_by[sent]
            self._instructed_at[back[sent]] = self.begun[sent]

    def outcome(self, log: Log) -> dict[str, Any]:
        """The columns of `Records` that tell how each payment ended."""
        journeys, end = self._journeys, self._end
        there = np.flatnonzero((journeys.back_from < 0) & (self.begun < end))
        first = np.flatnonzero((journeys.back_from < 0) & (journeys.attempt == 1))
        last = first.copy()
        last[journeys.payment[there]] = there  # in the order of the attempts
        sent_back = log.sent_back_at[last] < end
        cancelled_at = np.full(len(first), NEVER)
        for step, back in journeys.back.items():
            mine = np.flatnonzero(sent_back & (log.sent_back_from[last] == step))
            mine = mine[journeys.again[back[last[mine]]] < 0]
            cancelled_at[mine] = self._returned_at[back[last[mine]]]
        return {
            "settled_at": np.where(sent_back, NEVER, self._settled_at[last]),
            "credited_at": np.where(sent_back, NEVER, self._credited_at[last]),
            "attempts": journeys.attempt[last],
            "instructed_at": self.begun[last],
            "sent_back": sent_back,
            "cancelled_at": np.where(cancelled_at < end, cancelled_at, NEVER),
            "accepted_at": log.accepted_at[last],
            "value_date": log.value_date[last],
            "same_day": log.same_day[last],
            "value_missed": log.value_missed[last],
            "automatic": log.automatic[last],
            "stays": self._stays(log.delays, last, sent_back),
        }

    def _stays(self, delays: Delays, last: NDArray[np.int64], sent_back: NDArray[np.bool_]) -> Stays:
        """Where payments were in their last attempt, unless that was sent back; all others came back."""
        journeys = self._journeys
        counting = np.zeros(len(self.begun), dtype=np.bool_)
        counting[last[~sent_back]] = True
        tried = (journeys.back_from < 0) & (self.begun < self._end) & ~counting
        # In the order of attempts, each ends where the next one begins.
        vain = np.flatnonzero(tried)
        vain = vain[np.lexsort((journeys.attempt[vain], journeys.payment[vain]))]
        payment = journeys.payment[vain]
        following = np.append(vain[1:], -1)
        following = np.where(np.append(payment[1:], -1) == payment, following, last[payment])
        until = np.where(following == vain, self._end, self.begun[following])
        return delays.stays(counting, came_back(payment, journeys.attempt[vain], self.begun[vain], until))

    def returns(self) -> Returns:
        """Every return, by instant, then payment."""
        journeys = self._journeys
        back = np.flatnonzero(self._sent_back_at < self._end)
        back = back[np.lexsort((journeys.payment[back], self._sent_back_at[back]))]
        again = journeys.again[back]
        instructed = np.where(again >= 0, self.begun[again], NEVER)

        def in_time(at: Seconds) -> Seconds:
            return np.where(at < self._end, at, NEVER)

        return Returns(
            payment=journeys.payment[back],
            attempt=journeys.attempt[back],
            step=journeys.back_from[back],
            bank=self._bank[back],
            instructed_at=self._instructed_at[back],
            sent_back_at=self._sent_back_at[back],
            returned_at=in_time(self._returned_at[back]),
            instructed_again_at=in_time(instructed),
        )
