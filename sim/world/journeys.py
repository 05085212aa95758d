"""A payment that is sent back travels more than once: to the payee, back to the payer, and to the payee again.

Whether a journey takes place at all is found out in the run; what it would need is drawn beforehand for every
one that might.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.clock import NEVER
from sim.scenario.model.steps import reviews
from sim.world.draws import route_draws
from sim.world.reviews import highest
from sim.world.timeline import OtherReview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.scenario.model.network import Route
    from sim.world.draws import Uniform
    from sim.world.payments import Payments
    from sim.world.timeline import Timeline

    Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Journeys:
    """One row per journey; the first rows are the payments themselves, on their first way to the payee.

    `payments` holds what each row needs to travel; `payment` is the number of the payment, `attempt` counts its
    instructions from 1. `back_from` is the step of the route that sends it back, −1 on the way to the payee.
    `back[step]` holds by row the journey back from there, −1 where nothing can be sent back; `again`, by row of a
    journey back, the next one to the payee, −1 where the payment is cancelled.
    """

    payments: Payments
    payment: Rows
    attempt: Rows
    back_from: Rows
    back: dict[int, Rows]
    again: Rows


class _Sender(NamedTuple):
    """A step that may send payments of a route back; `chances` are draws by name, and what they must stay below."""

    route: int
    step: int
    attempts: int
    chances: dict[str, float]


class _Block(NamedTuple):
    """Journeys of one kind: the payments, by number, and the first of the rows that they get."""

    payment: Rows
    attempt: int
    back_from: int
    first: int

    def rows(self, payment: Rows) -> Rows:
        """The rows of some of the payments, −1 for those that are not in the block."""
        place = np.minimum(np.searchsorted(self.payment, payment), max(len(self.payment) - 1, 0))
        if not len(self.payment):
            return np.full(len(payment), -1)
        return np.where(self.payment[place] == payment, self.first + place, -1)


_NOTHING: Final = _Block(np.zeros(0, dtype=np.int64), 0, -1, 0)


def plan_journeys(
    payments: Payments, routes: Mapping[str, Route], timeline: Timeline, uniform: Uniform
) -> Journeys:
    """Every journey that might take place; `uniform` draws a number for each payment from a stream by its name."""
    senders = list(_senders(routes, timeline.of(OtherReview)))
    there = _Block(np.arange(len(payments)), 1, -1, 0)
    blocks, sent = [there], []
    while senders and len(there.payment):
        backs = []
        for sender in senders:
            mine = there.payment[payments.route[there.payment] == sender.route]
            for name, most in sender.chances.items():
                mine = mine[uniform(attempted(name, there.attempt))[mine] < most]
            backs.append(_Block(mine, there.attempt, sender.step, _end(blocks)))
            blocks.append(backs[-1])
        once_more = [
            back.payment
            for back, sender in zip(backs, senders, strict=True)
            if there.attempt < sender.attempts
        ]
        onward = _Block(_union(once_more), there.attempt + 1, -1, _end(blocks))
        blocks.append(onward)
        sent += [
            (there, back, onward if there.attempt < sender.attempts else _NOTHING)
            for back, sender in zip(backs, senders, strict=True)
        ]
        there = onward
    return _joined(payments, blocks, sent, uniform)


def attempted(name: str, attempt: int) -> str:
    """Name of the stream of a draw at some attempt."""
    return name if attempt == 1 else f"{name}/attempt-{attempt}"


def _senders(routes: Mapping[str, Route], changes: Sequence[OtherReview]) -> Iterator[_Sender]:
    for number, route in enumerate(routes.values()):
        for place, (step, draws) in enumerate(zip(route.steps, route_draws(route), strict=True)):
            if reviews(step):
                chances = ("probability", "return_probability")
                most = [highest(step, changes, chance) for chance in chances]
                if all(most):
                    yield _Sender(
                        number, place, step.attempts, dict(zip((draws[0], draws[2]), most, strict=True))
                    )


def _end(blocks: list[_Block]) -> int:
    return blocks[-1].first + len(blocks[-1].payment)


def _union(several: list[Rows]) -> Rows:
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *several]))


def _joined(
    payments: Payments,
    blocks: list[_Block],
    sent: list[tuple[_Block, _Block, _Block]],
    uniform: Uniform,
) -> Journeys:
    """All blocks as one table, with what follows what."""
    count = _end(blocks)
    back = {block.back_from: np.full(count, -1) for _, block, _ in sent}
    again = np.full(count, -1)
    for there, block, onward in sent:
        rows = np.arange(block.first, block.first + len(block.payment))
        back[block.back_from][there.rows(block.payment)] = rows
        again[rows] = onward.rows(block.payment)
    return Journeys(
        payments=payments if len(blocks) == 1 else _travelling(payments, blocks, uniform),
        payment=np.concatenate([block.payment for block in blocks]),
        attempt=np.concatenate([np.full(len(block.payment), block.attempt) for block in blocks]),
        back_from=np.concatenate([np.full(len(block.payment), block.back_from) for block in blocks]),
        back=back,
        again=again,
    )


def _travelling(payments: Payments, blocks: list[_Block], uniform: Uniform) -> Payments:
    """The columns of all journeys; nobody knows beforehand when one but the first begins."""
    first, later = len(payments), blocks[1:]
    of = np.concatenate([block.payment for block in blocks])
    columns = {
        column.name: values[of]
        for column in fields(payments)
        if isinstance(values := getattr(payments, column.name), np.ndarray)
    }
    columns["instructed_at"][first:] = NEVER
    draws = {}
    for name, values in payments.draws.items():
        further = [uniform(attempted(name, block.attempt))[block.payment] for block in later]
        draws[name] = np.concatenate([values, *further])
    return replace(payments, draws=draws, **columns)
