"""How often a person looks at a payment, and for how long, is a policy: it differs by bank and by date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import NEVER, to_instant
from sim.scenario.model.timeline import Review
from sim.world.draws import durations

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Screen


class ReviewPolicy:
    """What one screening step asks for, with the changes of the timeline."""

    def __init__(self, declared: Screen, scenario: Scenario, banks: tuple[str, ...], zone: ZoneInfo) -> None:
        self._probability = float(declared.probability)
        self._work = declared.work
        self._changes = [
            (
                entry,
                to_instant(entry.from_, zone),
                NEVER if entry.to is None else to_instant(entry.to, zone),
                None if entry.bank is None else banks.index(entry.bank),
            )
            for entry in scenario.timeline
            if isinstance(entry, Review)
        ]

    def reviewed(
        self, uniform: NDArray[np.float64], banks: NDArray[np.int64], at: Seconds
    ) -> NDArray[np.bool_]:
        """Which payments that come to the desk of a bank at an instant are reviewed, by their draws."""
        probability = np.full(len(at), self._probability)
        for entry, since, until, bank in self._changes:
            if entry.probability is not None:
                probability[_concerned(banks, at, since, until, bank)] = float(entry.probability)
        return np.asarray(uniform < probability)

    def work(self, uniform: NDArray[np.float64], banks: NDArray[np.int64], at: Seconds) -> Seconds:
        """Seconds of work on each review, by its draw."""
        work = durations(self._work, uniform)
        for entry, since, until, bank in self._changes:
            if entry.work is not None:
                mine = _concerned(banks, at, since, until, bank)
                work[mine] = durations(entry.work, uniform[mine])
        return work


def _concerned(
    banks: NDArray[np.int64], at: Seconds, since: int, until: int, bank: int | None
) -> NDArray[np.bool_]:
    inside = (at >= since) & (at < until)
    return np.asarray(inside if bank is None else inside & (banks == bank))
