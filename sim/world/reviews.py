"""How often a person looks at a payment, how long, and what is sent back is a policy: it differs by bank and date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.scenario.model.timeline import Review, numbered
from sim.world.draws import durations
from sim.world.effects import gives_effect_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.scenario.model import Scenario
    from sim.scenario.model.steps import Screen
    from sim.scenario.model.timing import Durations

    Uniform = NDArray[np.float64]
    Banks = NDArray[np.int64]


@gives_effect_to(Review)
class ReviewPolicy:
    """What one screening step asks for, with the changes of the timeline.

    Questions take uniform draws, the bank whose desk it is, and the instant of coming to the desk, by payment.
    """

    def __init__(self, declared: Screen, scenario: Scenario, banks: tuple[str, ...], zone: ZoneInfo) -> None:
        self._declared = declared
        self._changes = [
            (
                entry,
                *entry.span(zone),
                None if entry.bank is None else banks.index(entry.bank),
            )
            for _, entry in numbered(scenario.timeline, Review)
        ]

    def reviewed(self, uniform: Uniform, banks: Banks, at: Seconds) -> NDArray[np.bool_]:
        """Which payments that come to the desk at an instant are reviewed."""
        return self._happens("probability", uniform, banks, at)

    def sent_back(self, uniform: Uniform, banks: Banks, at: Seconds) -> NDArray[np.bool_]:
        """Which of those that are reviewed are sent back."""
        return self._happens("return_probability", uniform, banks, at)

    def work(self, uniform: Uniform, banks: Banks, at: Seconds) -> Seconds:
        """Seconds of work on each review."""
        return self._lasts("work", uniform, banks, at)

    def return_after(self, uniform: Uniform, banks: Banks, at: Seconds) -> Seconds:
        """Seconds from the end of the review until the money begins its way back."""
        return self._lasts("return_after", uniform, banks, at)

    def highest(self, name: str) -> float:
        """The largest value that a probability ever takes anywhere."""
        stated = [getattr(entry, name) for entry, *_ in self._changes]
        return max(float(value) for value in (getattr(self._declared, name), *stated) if value is not None)

    def _happens(self, name: str, uniform: Uniform, banks: Banks, at: Seconds) -> NDArray[np.bool_]:
        probability = np.full(len(at), float(getattr(self._declared, name)))
        for changed, mine in self._changed(name, banks, at):
            probability[mine] = float(changed)
        return np.asarray(uniform < probability)

    def _lasts(self, name: str, uniform: Uniform, banks: Banks, at: Seconds) -> Seconds:
        usual: Durations | None = getattr(self._declared, name)
        seconds = np.zeros(len(at), dtype=np.int64) if usual is None else durations(usual, uniform)
        for changed, mine in self._changed(name, banks, at):
            seconds[mine] = durations(changed, uniform[mine])
        return seconds

    def _changed(self, name: str, banks: Banks, at: Seconds) -> Iterator[tuple[Any, NDArray[np.bool_]]]:
        """What the timeline states instead, and for which payments."""
        for entry, since, until, bank in self._changes:
            if (changed := getattr(entry, name)) is not None:
                inside = (at >= since) & (at < until)
                yield changed, inside if bank is None else inside & (banks == bank)
