"""By which rules each system settles, in plain values, on whose accounts, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.core.hours import joint_hours
from sim.core.kinds import Stated
from sim.scenario.model.kinds import kinds
from sim.scenario.model.settlement import Offsetting, System
from sim.scenario.topology import books, legs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.world.timing import Openings

#: What a system can be, and its offsetting: the engine has somebody for each of them.
SYSTEM_KINDS: Final = tuple(kinds(System))
OFFSETTING_KINDS: Final = tuple(kinds(Offsetting))


class OffsettingPlan(NamedTuple):
    """How payments are found that settle together, and when: `every` so many seconds, or when `size` of them wait."""

    kind: str
    every: int | None
    size: int | None
    tolerance: float
    time_limit: float


class SystemPlan(NamedTuple):
    """What a system of some kind states of itself, by the names of the fields.

    `legs` are the systems, by number, that keep the accounts on which it settles: two for a link, else itself.
    """

    kind: str
    stated: Mapping[str, Any]
    legs: tuple[int, ...]
    offsetting: OffsettingPlan


def system_plans(scenario: Scenario) -> tuple[SystemPlan, ...]:
    """One plan for each system, in their order."""
    number = {name: number for number, name in enumerate(scenario.systems)}
    return tuple(
        SystemPlan(
            kind=system.kind,
            stated=Stated(f"kind of system {system.kind!r} states", system.plain()),
            legs=tuple(number[leg] for leg in legs(scenario, name)),
            offsetting=_offsetting(getattr(system, "offsetting", None)),
        )
        for name, system in scenario.systems.items()
    )


def system_hours(name: str, scenario: Scenario, openings: Openings) -> OpeningHours:
    """When a system settles; a link, while both of its legs do."""
    kept = books(scenario)
    one, *other = (openings.hours(kept[leg].hours, ("system", leg)) for leg in legs(scenario, name))
    return joint_hours(one, *other).without(openings.gaps(("system", name))) if other else one


def _offsetting(declared: Offsetting | None) -> OffsettingPlan:
    """Systems that cannot be told to offset do not."""
    declared = Offsetting() if declared is None else declared
    return OffsettingPlan(
        declared.kind, declared.every, declared.size, float(declared.tolerance), float(declared.time_limit)
    )
