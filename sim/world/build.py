"""Everything random is drawn here, and everything that a scenario declares is resolved for the engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import from_instant
from sim.core.rates import FxPaths
from sim.errors import Problem, ScenarioError
from sim.scenario.demands import demands
from sim.scenario.model.kinds import kinds
from sim.scenario.model.network import Route
from sim.scenario.model.steps import Settle
from sim.scenario.model.timeline import Entry
from sim.scenario.reach import reach_warnings
from sim.scenario.topology import books
from sim.world.funding import lost_to_zero_balance, prefunded
from sim.world.fx import FxError, fx_paths
from sim.world.journeys import plan_journeys
from sim.world.magnitudes import check_magnitudes, check_parts, rate_problems, size_problems
from sim.world.markets import build_markets, group_plans
from sim.world.network import build_network
from sim.world.obligations import draw_obligations
from sim.world.own_file import MAX_INPUT
from sim.world.own_rates import history_of
from sim.world.payments import own_payments, trade_payments
from sim.world.routing import divert, sides_of, sides_of_payers
from sim.world.steps import route_plans
from sim.world.systems import system_hours
from sim.world.timeline import EFFECTS, Jump, Timeline
from sim.world.timing import Openings
from sim.world.trade import draw_firms
from sim.world.world import DrawnWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.core.history import History
    from sim.scenario.model import Scenario
    from sim.world.network import Network

EFFECTS.complete(kinds(Entry))


def build_world(
    scenario: Scenario,
    replication: int = 0,
    *,
    openings: Openings | None = None,
    max_input: int = MAX_INPUT,
) -> DrawnWorld:
    """Draw the world of one replication.

    Equal scenario, seed and replication give an equal world. `openings` are those of the scenario, which replications
    may share, and are made if they are not given. `ScenarioError` if the scenario asks for
    something that its own time or data do not cover, or if reading its own payments, or rates, would take more than
    `max_input` bytes.
    """
    history = history_of(scenario.fx, max_input)
    openings, fx = prepare(scenario, replication, openings=openings, history=history)
    window, timeline = openings.window, openings.timeline
    firms = draw_firms(scenario, replication)
    obligations = draw_obligations(scenario, replication, openings, firms, fx)
    network = build_network(scenario, openings)
    routes = all_routes(scenario)
    if scenario.payments is None:
        payments, uniform = trade_payments(scenario, replication, openings, fx, firms, obligations)
        sides = sides_of(scenario, firms, obligations, payments.obligation)
    else:
        payments, uniform = own_payments(scenario, replication, window, fx, network, routes, max_input)
        sides = None
    # Who plans his balance does not know of ways that will be closed.
    network = prefunded(scenario, openings, network, routes, payments, fx.currencies)
    check_magnitudes(scenario, window, fx, network, obligations, payments)
    payments = replace(payments, route=divert(scenario, payments, network.banks, sides, fx, timeline))
    payer_sides = sides_of_payers(scenario, network.banks, firms, obligations, payments)
    journeys = plan_journeys(payments, routes, timeline, uniform)
    check_parts(network, routes, journeys)
    world = DrawnWorld(
        scenario=scenario,
        replication=replication,
        window=window,
        openings=openings,
        fx=fx,
        history=history,
        network=network,
        firms=firms,
        groups=group_plans(scenario, window, fx),
        markets=build_markets(scenario, openings, fx),
        obligations=obligations,
        payments=payments,
        journeys=journeys,
        route_plans=route_plans(
            scenario, openings, fx, network, routes, journeys.payments, payer_sides[journeys.payment]
        ),
        routes=routes,
        warnings=warnings(scenario, network, openings),
    )
    timeline.check_asked_for()
    return world


def all_routes(scenario: Scenario) -> dict[str, Route]:
    """The declared routes and, for payments of one's own, a direct one for each system."""
    if scenario.payments is None:
        return scenario.routes
    direct = {
        f"direct-{name}": Route(steps=(Settle(kind="settle", system=name),)) for name in scenario.systems
    }
    return {**scenario.routes, **direct}


def prepare(
    scenario: Scenario,
    replication: int = 0,
    *,
    openings: Openings | None = None,
    history: History | None = None,
) -> tuple[Openings, FxPaths]:
    """Opening hours and rates, without trade: what can still be wrong with a scenario that reads well.

    Rates are known from the day on which the first invoice was agreed that falls due in the run. `openings` are those
    of the scenario, made if they are not given, `history` is what it names, read if it is not given. `ScenarioError`
    with every declaration that does not cover the run.
    """
    seen = history_of(scenario.fx) if history is None else history
    openings = Openings(scenario) if openings is None else openings
    problems = openings.problems()
    if not problems:
        problems += _never_open(scenario, openings)
    window = openings.window
    problems += size_problems(scenario, window, openings.timeline)
    met = currencies(scenario)

    def paths(codes: Sequence[str]) -> FxPaths:
        return fx_paths(
            scenario.fx,
            codes,
            window.first_day,
            # Exposure is valued at the end itself, which may be the first instant of a day.
            window.last_day + timedelta(days=1),
            window.zone,
            scenario.seed,
            replication,
            # What payments of one's own are exchanged for may be stated.
            needed=scenario.payments is None,
            opens=from_instant(window.period_start, window.zone).date(),
            run_from=from_instant(window.start, window.zone).date(),
            history=seen,
        )

    jumped, unmet = None, _jumps_of_nothing(openings.timeline, met)
    try:
        # What overflows is told as a rate that cannot be counted with.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            fx = paths(met)
            jumped = fx if unmet else _with_jumps(fx, openings.timeline)
        problems += rate_problems(scenario, fx, jumped)
    except FxError as error:
        problems.append(Problem("", ".".join(map(str, ("fx", *error.path))), str(error)))
    problems += _without_path(scenario, met, paths)
    problems += _risk_window(scenario, met, seen)
    problems += unmet
    if problems or jumped is None:
        raise ScenarioError(problems)
    return openings, jumped


def _jumps_of_nothing(timeline: Timeline, met: Sequence[str]) -> list[Problem]:
    """Jumps on the timeline of currencies that the run does not meet."""
    return [
        Problem("", f"timeline.{number}.currency", f"nothing in this scenario is in {jump.currency}")
        for number, jump in timeline.numbered(Jump)
        if jump.currency not in met
    ]


def _with_jumps(fx: FxPaths, timeline: Timeline) -> FxPaths:
    """The rates with the jumps of the timeline."""
    for at, currency, factor in timeline.of(Jump):
        fx = fx.jumped(currency, factor, at)
    return fx


def _without_path(
    scenario: Scenario, met: Sequence[str], paths: Callable[[Sequence[str]], FxPaths]
) -> list[Problem]:
    """Pairs of a currency that has no rates; of those that the run meets, `met`, that is said already."""
    problems = []
    quoted = [(name, pair) for name, market in scenario.markets.items() for pair in market.pairs]
    for name, pair in quoted:
        further = [code for code in pair.split("/") if code not in met]
        try:
            if further:
                paths(further)
        except ValueError as error:
            problems.append(Problem("", f"markets.{name}.pairs.{pair}", str(error)))
    return problems


def _risk_window(scenario: Scenario, met: Sequence[str], history: History) -> list[Problem]:
    """Currencies, and pairs with a side's own, that the window of the value at risk does not show moving.

    Only those that history knows.
    """
    declared = scenario.risk.window
    if declared is None:
        return []
    known = [code for code in met if code in history.currencies]
    homes = {side.functional_currency for side in scenario.sides.values()}
    pairs = [pair for pair in combinations(known, 2) if not homes.isdisjoint(pair)]
    scarce: dict[str, int] = {}
    for codes in [(code, history.unit) for code in known] + pairs:
        days, _ = history.observed_together(codes, declared.first, declared.last)
        # A change needs two days; of who is not seen on two, nobody is seen with another.
        if len(days) < 2 and scarce.keys().isdisjoint(codes):  # noqa: PLR2004
            told = codes[0] if codes[1] == history.unit else " and ".join(codes)
            scarce[told] = len(days)
    return [
        Problem(
            "",
            "risk.window",
            f"{who} {'are' if ' ' in who else 'is'} observed on {count} days of the window; two are needed "
            f"({history.name} reaches from {history.first} to {history.last})",
        )
        for who, count in scarce.items()
    ]


def warnings(scenario: Scenario, network: Network, openings: Openings) -> tuple[str, ...]:
    """What is not wrong with a scenario and yet should be known, a sentence each."""
    return (
        *openings.public_warnings(),
        *openings.provisional_warnings(),
        *_without_rates(scenario),
        *reach_warnings(scenario),
        *dict.fromkeys(lost_to_zero_balance(scenario, network, openings)),
    )


def _without_rates(scenario: Scenario) -> list[str]:
    """What a run of several currencies cannot tell if it has no exchange rates."""
    if scenario.fx is not None or len(currencies(scenario)) == 1:
        return []
    reported = scenario.reporting_currency
    return [
        f"there are no exchange rates: values count what is in {reported}, and leave other currencies out"
    ]


def _never_open(scenario: Scenario, openings: Openings) -> list[Problem]:
    """The links whose legs are not open together at any time of the run."""
    window = openings.window
    return [
        Problem("", f"systems.{name}.legs", "the two legs are never open at the same time")
        for name, system in scenario.systems.items()
        if system.linked and system_hours(name, scenario, openings).opens_at(window.start) >= window.end
    ]


def currencies(scenario: Scenario) -> tuple[str, ...]:
    """Every currency that a run of the scenario can meet, sorted."""
    found = {scenario.reporting_currency}
    found |= {code for side in scenario.sides.values() for code in (side.functional_currency, *side.vehicles)}
    found |= {treasury.against for treasury in scenario.treasuries.values() if treasury.against}
    for system in books(scenario).values():
        found.add(system.currency)
        if system.squaring is not None and system.squaring.settled_in is not None:
            found.add(system.squaring.settled_in)
    found |= {flow.currency for flow in scenario.flows.values()}
    found |= {demand.currency for demand in demands(scenario)}
    for route in scenario.routes.values():
        found |= {step.fee.currency for step in route.steps if step.fee is not None}
    return tuple(sorted(found))
