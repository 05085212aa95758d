"""What each step of a route means in a run: who acts, how long that takes each payment, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

import numpy as np

from sim.core.currency import minor_digits
from sim.core.kinds import Stated
from sim.scenario.model.kinds import kinds, kinds_that
from sim.scenario.model.steps import DISTRIBUTIONS, Step, moves, reviews
from sim.scenario.model.timing import Durations, Hours
from sim.world.draws import durations, route_draws
from sim.world.reviews import review_policy
from sim.world.roles import move, roles_by_route
from sim.world.timeline import OtherReview
from sim.world.value_dates import promises

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.hours import OpeningHours
    from sim.core.rates import FxPaths
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.scenario.model.steps import Fee, Screen
    from sim.world.network import Network
    from sim.world.payments import Payments
    from sim.world.reviews import ReviewPolicy
    from sim.world.roles import Move, Roles
    from sim.world.timing import Openings
    from sim.world.value_dates import Promises

#: What a step can be: the engine has somebody for each of them.
STEP_KINDS: Final = tuple(kinds(Step))
#: Those at which payments wait for each other, in a system or at a desk.
CONTENDED_KINDS: Final = kinds_that(Step, "moves") + kinds_that(Step, "reviews")


class FeePlan(NamedTuple):
    """What a step costs: `flat` and a `share` of the value, within bounds; in minor units of a currency by number.

    `groups` tells which groups of firms are charged, by number.
    """

    bearer: str
    groups: NDArray[np.bool_]
    currency: int
    flat: float
    share: float
    minimum: float
    maximum: float | None


class StepPlan(NamedTuple):
    """One step of a route.

    What its declaration says is found under the names of the fields: what it `stated` in plain values, the opening
    hours by number of the bank, the `seconds` by journey that are drawn from a distribution, and by journey `whether`
    what a share states comes about. A step that moves money
    has a `move`, one at which people look at payments their `reviews`; `exchanging` is who exchanges currency in it,
    and after one that `credits` the payee has its money. `places` are where payments are in it, in order.
    """

    kind: str
    places: tuple[str, ...]
    stated: Mapping[str, Any]
    hours: Mapping[str, tuple[OpeningHours, ...]]
    seconds: Mapping[str, Seconds]
    whether: Mapping[str, NDArray[np.bool_]]
    move: Move | None = None
    reviews: ReviewPolicy | None = None
    exchanging: Literal["payer", "payee"] | None = None
    credits: bool = False
    fee: FeePlan | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RoutePlan:
    """The steps of a route in order, the banks that play the roles in them, and the value dates that are promised."""

    steps: tuple[StepPlan, ...]
    roles: Roles
    promises: Promises | None = None


def route_plans(
    scenario: Scenario,
    openings: Openings,
    fx: FxPaths,
    network: Network,
    routes: Mapping[str, Route],
    journeys: Payments,
    payer_side: NDArray[np.int64],
) -> tuple[RoutePlan, ...]:
    """One plan for each route, by number; `journeys` are payments on their way, each time that they are.

    `payer_side` is the number of the payer's side by journey, −1 where it has none.
    """
    roles = roles_by_route(scenario, routes, journeys, network, fx.currencies)
    seconds = _seconds(routes, journeys)

    @cache
    def changed(declared: Durations, name: str) -> Seconds:
        """What the timeline states instead, for every journey."""
        return durations(declared, journeys.draws[name])

    def plan(step: Step, draws: dict[str, str]) -> StepPlan:
        return StepPlan(
            kind=step.kind,
            places=step.places,
            stated=Stated(f"kind of step {step.kind!r} states", step.plain()),
            hours={name: _by_bank(choice, network, openings) for name, choice in _hours(step)},
            seconds=Stated(
                f"kind of step {step.kind!r} draws",
                {purpose: seconds[name] for purpose, name in draws.items() if name in seconds},
            ),
            whether=Stated(
                f"kind of step {step.kind!r} draws",
                {
                    purpose: journeys.draws[name] < float(share)
                    for purpose, name in draws.items()
                    if isinstance(share := getattr(step, purpose, None), Decimal)
                },
            ),
            move=move(step, scenario) if moves(step) else None,
            reviews=policy(step, draws) if reviews(step) else None,
            exchanging=step.exchanging(),
            credits=step.credits,
            fee=None if step.fee is None else _fee(step.fee, scenario, fx),
        )

    def policy(step: Screen, draws: dict[str, str]) -> ReviewPolicy:
        def lasting(declared: Durations, purpose: str) -> Seconds:
            name = draws[purpose]
            return seconds[name] if declared is getattr(step, purpose) else changed(declared, name)

        uniform = {purpose: journeys.draws[name] for purpose, name in draws.items()}
        return review_policy(step, openings.timeline.of(OtherReview), network.banks, uniform, lasting)

    def route_plan(route: Route, banks: Roles) -> RoutePlan:
        steps, promised = [plan(step, draws) for step, draws in _drawing(route)], None
        if route.value is not None:
            promised = promises(scenario, openings, route, route.value, payer_side)
            # Before the first step payments wait to be accepted, before the first settlement for their value date.
            for number, place in ((promised.step, "cut_off"), (0, "payer_bank")):
                places = steps[number].places
                if place not in places:
                    steps[number] = steps[number]._replace(places=(place, *places))
        return RoutePlan(tuple(steps), banks, promised)

    return tuple(route_plan(route, banks) for route, banks in zip(routes.values(), roles, strict=True))


def _drawing(route: Route) -> Iterator[tuple[Step, dict[str, str]]]:
    """The steps of a route, each with the names of its draws by their purpose.

    TypeError for a kind that states a duration and does not draw it.
    """
    for step, names in zip(route.steps, route_draws(route), strict=True):
        purposes = [purpose.rpartition("/")[-1] for purpose in step.draws()]
        for name, value in step:
            if isinstance(value, DISTRIBUTIONS) and name not in purposes:
                raise TypeError(
                    f"kind of step {step.kind!r} states {name!r}, and its 'draws' know none for it"
                )
        yield step, dict(zip(purposes, names, strict=True))


def _seconds(routes: Mapping[str, Route], journeys: Payments) -> dict[str, Seconds]:
    """How long takes what is drawn, by name of the draw and journey.

    One column serves all routes, for a journey takes one of them only.
    """
    found: dict[str, Seconds] = {}
    for number, route in enumerate(routes.values()):
        mine = np.flatnonzero(journeys.route == number)
        for step, draws in _drawing(route):
            for purpose, name in draws.items():
                declared = getattr(step, purpose, None)
                if isinstance(declared, DISTRIBUTIONS):
                    column = found.setdefault(name, np.zeros(len(journeys), dtype=np.int64))
                    column[mine] = durations(declared, journeys.draws[name][mine])
    return found


def _hours(step: Step) -> Iterator[tuple[str, str | Hours]]:
    """The opening hours that a step states, by the name of the field."""
    for name, field in type(step).model_fields.items():
        value = getattr(step, name)
        if value is not None and Hours in get_args(field.annotation):
            yield name, value


def _by_bank(choice: str | Hours, network: Network, openings: Openings) -> tuple[OpeningHours, ...]:
    """Hours that are kept by all banks, but for their outages."""
    return tuple(
        openings.hours(choice, ("bank", bank) if openings.gaps(("bank", bank)) else None)
        for bank in network.banks
    )


def _fee(declared: Fee, scenario: Scenario, fx: FxPaths) -> FeePlan:
    scale = 10.0 ** minor_digits(declared.currency)
    charged = [declared.sides is None or group.side in declared.sides for group in scenario.firms.values()]
    return FeePlan(
        bearer=declared.bearer,
        groups=np.array(charged, dtype=np.bool_),
        currency=fx.index(declared.currency),
        flat=float(declared.flat) * scale,
        share=float(declared.share),
        minimum=float(declared.minimum) * scale,
        maximum=None if declared.maximum is None else float(declared.maximum) * scale,
    )
