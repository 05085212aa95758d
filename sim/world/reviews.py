"""How often a person looks at a payment, how long, and what is sent back is a policy: it differs by bank and date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.core.clock import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.scenario.model.steps import Screen
    from sim.scenario.model.timing import Durations
    from sim.world.timeline import OtherReview

    Rows = NDArray[np.int64]
    Uniform = NDArray[np.float64]
    Banks = NDArray[np.int64]


class Rule(NamedTuple):
    """What holds for payments that come to the desk of a bank (−1: of any bank) in `[since, until)`.

    None is for what other rules say; durations by journey.
    """

    since: int
    until: int
    bank: int
    probability: float | None
    return_probability: float | None
    work: Seconds | None
    return_after: Seconds | None


@dataclass(frozen=True, slots=True, eq=False)
class ReviewPolicy:
    """What one step at which people look at payments asks for: of several rules the last one counts.

    Questions take journeys, the bank whose desk it is, and the instant of coming to the desk. `review` and `sent` are
    uniform draws by journey: who is below the probability is reviewed, or sent back.
    """

    rules: tuple[Rule, ...]
    review: Uniform
    sent: Uniform
    most_reviewed: float
    """The largest probability of a review that there ever is anywhere."""
    most_returned: float

    def reviewed(self, rows: Rows, banks: Banks, at: Seconds) -> NDArray[np.bool_]:
        """Which journeys that come to the desk at an instant are reviewed."""
        return np.asarray(self.review[rows] < self._probability("probability", banks, at))

    def sent_back(self, rows: Rows, banks: Banks, at: Seconds) -> NDArray[np.bool_]:
        """Which of those that are reviewed are sent back."""
        return np.asarray(self.sent[rows] < self._probability("return_probability", banks, at))

    def work(self, rows: Rows, banks: Banks, at: Seconds) -> Seconds:
        """Seconds of work on each review."""
        return self._lasts("work", rows, banks, at)

    def return_after(self, rows: Rows, banks: Banks, at: Seconds) -> Seconds:
        """Seconds from the end of the review until the money begins its way back."""
        return self._lasts("return_after", rows, banks, at)

    def _probability(self, name: str, banks: Banks, at: Seconds) -> NDArray[np.float64]:
        probability = np.zeros(len(at))
        for value, mine in self._holding(name, banks, at):
            probability[mine] = value
        return probability

    def _lasts(self, name: str, rows: Rows, banks: Banks, at: Seconds) -> Seconds:
        seconds = np.zeros(len(at), dtype=np.int64)
        for value, mine in self._holding(name, banks, at):
            seconds[mine] = value[rows[mine]]
        return seconds

    def _holding(self, name: str, banks: Banks, at: Seconds) -> Iterator[tuple[Any, NDArray[np.bool_]]]:
        """What each rule says about something, and for which payments."""
        for rule in self.rules:
            if (value := getattr(rule, name)) is not None:
                inside = (at >= rule.since) & (at < rule.until)
                yield value, inside if rule.bank < 0 else inside & (banks == rule.bank)


def review_policy(
    declared: Screen,
    changes: Sequence[OtherReview],
    banks: tuple[str, ...],
    uniform: Mapping[str, Uniform],
    lasting: Callable[[Durations, str], Seconds],
) -> ReviewPolicy:
    """What a step asks for and, after that, what changes of it.

    `uniform` are draws by purpose; `lasting` turns a distribution and a purpose into seconds by journey.
    """

    def rule(stated: Screen | OtherReview, since: int, until: int, bank: int) -> Rule:
        chance, returned, work, after = (
            stated.probability,
            stated.return_probability,
            stated.work,
            stated.return_after,
        )
        return Rule(
            since,
            until,
            bank,
            probability=None if chance is None else float(chance),
            return_probability=None if returned is None else float(returned),
            work=None if work is None else lasting(work, "work"),
            return_after=None if after is None else lasting(after, "return_after"),
        )

    later = [
        rule(change, change.since, change.until, -1 if change.bank is None else banks.index(change.bank))
        for change in changes
    ]
    # What is declared holds for those, too, who never come.
    return ReviewPolicy(
        rules=(rule(declared, -NEVER, NEVER + 1, -1), *later),
        review=uniform["review"],
        sent=uniform["return"],
        most_reviewed=highest(declared, changes, "probability"),
        most_returned=highest(declared, changes, "return_probability"),
    )


def highest(declared: Screen, changes: Sequence[OtherReview], name: str) -> float:
    """The largest value that a probability ever takes anywhere."""
    stated = [getattr(declared, name), *(getattr(change, name) for change in changes)]
    return max(float(value) for value in stated if value is not None)
