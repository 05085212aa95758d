"""What is sent back moves over the same accounts in reverse, and is put right by the payer's bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine.steps.base import OfficeWork
from sim.scenario.model.steps import moves
from sim.scenario.model.timing import Fixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.clock import Seconds
    from sim.engine.records import Log
    from sim.engine.steps.base import Rows
    from sim.scenario.model.network import Route
    from sim.scenario.model.steps import Screen, Settle
    from sim.world.build import World
    from sim.world.roles import Roles

_NO_WORK = Fixed(kind="fixed", value=0)


class CorrectionStep:
    """The payer's bank corrects a payment that came back, before it is instructed again."""

    def __init__(self, declared: Screen, world: World, roles: Roles, draws: tuple[str, ...]) -> None:
        self._office = OfficeWork(world, roles, "payer_bank", declared.correction or _NO_WORK, draws[4])

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        return self._office.plan(rows, at, log, "returned")


class HeldStep:
    """A payer whose payment came back still has the currency that it bought, and buys none again."""

    def plan(self, rows: Rows, at: Seconds, log: Log | None) -> Seconds:
        """See `Step`."""
        del rows, log
        return at


def reversed_settlement(route: Route, step: int) -> Iterator[tuple[int, Settle]]:
    """How money comes back from a step: the settlements before it, the last one first, with their places."""
    for number in range(step - 1, -1, -1):
        declared = route.steps[number]
        if moves(declared):
            swapped = {"debit": declared.credit, "credit": declared.debit, "fee": None}
            yield number, declared.model_copy(update=swapped)
