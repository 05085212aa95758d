"""Every payment that a scenario asks for needs a market for its currency, and a route that settles and credits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.demands import demands, passengers
from sim.scenario.model.base import nearest
from sim.scenario.model.steps import ROLES, moves, reviews
from sim.scenario.model.timeline import Review, numbered
from sim.scenario.topology import Topology, closures, crosses, find_quote, legs, obstacles
from sim.scenario.tree import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.demands import Demand
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.scenario.topology import Passenger


def check_rates(scenario: Scenario) -> Iterator[Finding]:
    """What is owed between firms is worth something in their currencies."""
    for section in ("flows", "loans", "projects"):
        if scenario.fx is None and getattr(scenario, section):
            yield Finding((), f"'fx' is needed as soon as there are {section}")


def check_origins(scenario: Scenario) -> Iterator[Finding]:
    """Loans and projects share a column of names with flows."""
    for section, earlier in (("loans", scenario.flows), ("projects", {**scenario.flows, **scenario.loans})):
        for name in getattr(scenario, section):
            if name in earlier:
                yield Finding(
                    (section, name), f"{name!r} is the name of something else that makes obligations"
                )


def check_own_payments(scenario: Scenario) -> Iterator[Finding]:
    """Own payments are between banks: nobody in them exchanges currency or is charged."""
    if scenario.payments is None:
        return
    for section in ("flows", "loans", "projects"):
        if getattr(scenario, section):
            yield Finding((section,), f"a scenario has either {section!r} or 'payments' of its own")
    system, declared = scenario.payments.system, scenario.payments.route
    if system is not None and declared is not None:
        passed = [step.system for step in scenario.routes[declared].steps if moves(step)]
        if not any(system in (name, *legs(scenario, name)) for name in passed):
            message = f"{declared!r}, the route of these payments, does not pass {system!r}"
            yield Finding(("payments", "system"), message)
    for name, route in scenario.routes.items():
        for number, step in enumerate(route.steps):
            if step.exchanging() or step.fee is not None:
                what = "a fee" if step.fee is not None else repr(step.kind)
                path = ("routes", name, "steps", number)
                yield Finding(path, f"{what} needs firms, which payments of one's own do not have")


def check_hedges(scenario: Scenario) -> Iterator[Finding]:
    """Parity prices a forward from the interest of both currencies."""
    for name, group in scenario.firms.items():
        if group.hedge is None:
            continue
        home = scenario.sides[group.side].functional_currency
        owed = {
            code
            for flow in scenario.flows.values()
            if name in (flow.payer, flow.payee)
            for code in flow.invoicing
        }
        foreign = owed - {home}
        if group.hedge.currencies is not None:
            foreign &= set(group.hedge.currencies)
        path = ("firms", name, "hedge")
        for code in sorted(({home} | foreign if foreign else set()) - scenario.interest_rates.keys()):
            yield Finding(
                path, f"forwards are priced from the interest of {code}; add it to 'interest_rates'"
            )


def check_vehicles(scenario: Scenario) -> Iterator[Finding]:
    """A vehicle is traded against the currency of the side that exchanges over it."""
    for name, side in scenario.sides.items():
        for number, vehicle in enumerate(side.vehicles):
            if find_quote(scenario, name, {vehicle, side.functional_currency}) is None:
                message = f"no market of {name!r} trades {vehicle}/{side.functional_currency}"
                yield Finding(("sides", name, "vehicles", number), message)


def check_choices(scenario: Scenario) -> Iterator[Finding]:
    """Firms turn to markets that are open to their side."""
    for name, group in scenario.firms.items():
        known = scenario.sides[group.side].markets
        for market in group.exchange.markets or {}:
            if market not in known:
                message = f"{market!r} is none of the markets of {group.side!r}"
                yield Finding(
                    ("firms", name, "exchange", "markets", market), message, nearest(market, list(known))
                )


def check_flows(scenario: Scenario) -> Iterator[Finding]:
    """Payments that are asked for and could not be made, exchanged or carried."""
    topology, told = Topology(scenario), set[Finding]()
    for demand in demands(scenario):
        sides = (scenario.firms[demand.payer].side, scenario.firms[demand.payee].side)
        yield from _markets(demand.path, demand.currency, sides, scenario)
        ways = {passenger: topology.candidates(passenger) for passenger in passengers(demand, scenario)}
        yield from _stranded(demand.path, ways)
        detours = [
            name
            for _, entry in closures(scenario)
            for name in entry.fallback
            if any(topology.carries(scenario.routes[name], passenger) for passenger in ways)
        ]
        candidates = [name for names in ways.values() for name in names]
        found = [*_paths(ways, topology)]
        found += [
            finding
            for name in dict.fromkeys([*candidates, *detours])
            for finding in _conversions(name, demand, scenario)
        ]
        for finding in found:
            if finding not in told:
                told.add(finding)
                yield finding


def _stranded(path: tuple[str | int, ...], ways: dict[Passenger, list[str]]) -> Iterator[Finding]:
    """Payments that no route carries: of two sides, or of some of their banks."""
    left = [passenger for passenger, names in ways.items() if not names]
    if len(left) < len(ways):
        for currency, payer_bank, payee_bank, _ in left[:1]:
            more = f" (nor between {len(left) - 1} more pairs of banks)" if len(left) > 1 else ""
            message = f"no route carries {currency} from {payer_bank!r} to {payee_bank!r}{more}"
            yield Finding(path, message)
    elif left and (sides := left[0].sides):
        yield Finding(path, f"no route carries {left[0].currency} from {sides[0]!r} to {sides[1]!r}")


def _markets(
    path: tuple[str | int, ...], currency: str, sides: tuple[str, str], scenario: Scenario
) -> Iterator[Finding]:
    for side in sorted(set(sides)):
        functional = scenario.sides[side].functional_currency
        if functional != currency and not crosses(scenario, side, currency):
            vehicles = scenario.sides[side].vehicles
            over = f", nor over {' or '.join(vehicles)}" if vehicles else ""
            yield Finding(path, f"no market of {side!r} trades {currency}/{functional}{over}")


def _paths(ways: dict[Passenger, list[str]], topology: Topology) -> Iterator[Finding]:
    """Accounts that a route would need and that the banks of some firms do not have, route by route."""
    for name, route in topology.scenario.routes.items():
        for passenger in [passenger for passenger, names in ways.items() if name in names]:
            for step, key, message in obstacles(topology, route, passenger):
                yield Finding(("routes", name, "steps", step, *([key] if key else [])), message)


def _conversions(name: str, demand: Demand, scenario: Scenario) -> Iterator[Finding]:
    """Parties that would have to exchange currency on a route, and do not."""
    for party, group in (("payer", demand.payer), ("payee", demand.payee)):
        functional = scenario.sides[scenario.firms[group].side].functional_currency
        steps = scenario.routes[name].steps
        converts = any(step.exchanging() == party for step in steps)
        if functional != demand.currency and not converts:
            message = f"the {party} keeps {functional} and has no 'convert' here"
            yield Finding(("routes", name, "steps"), message)


def check_routes(scenario: Scenario) -> Iterator[Finding]:
    """Routes that do not settle and credit, or not in this order."""
    for name, route in scenario.routes.items():
        path = ("routes", name, "steps")
        crediting = [number for number, step in enumerate(route.steps) if step.credits]
        if len(crediting) != 1:
            yield Finding(path, "a route needs exactly one 'post'")
        elif not any(step.moves for step in route.steps[: crediting[0]]):
            yield Finding(path, "a route needs a 'settle' before its 'post'")
        else:
            yield from _order(path, route, crediting[0])


def _order(path: tuple[str | int, ...], route: Route, post: int) -> Iterator[Finding]:
    """Nothing but the payee's conversion can follow the credit, and the payer's comes before settlement."""
    first_settle = next(k for k, step in enumerate(route.steps) if step.moves)
    for number, step in enumerate(route.steps):
        if step.exchanging() == "payee":
            if number < post:
                yield Finding((*path, number), "the payee can convert only after the 'post'")
        elif step.exchanging() == "payer" and number > first_settle:
            yield Finding((*path, number), "the payer converts before the first 'settle'")
        elif step.opens and number > 0:
            yield Finding((*path, number), f"{step.kind!r} is the first step of a route")
        elif number > post and not step.credits:
            yield Finding((*path, number), f"{step.kind!r} cannot follow the 'post'")


def check_screening(scenario: Scenario) -> Iterator[Finding]:
    """What is wrong with desks, and with reviews on routes."""
    seen: set[str] = set()
    for name, desk in scenario.desks.items():
        if desk.bank in seen:
            yield Finding(("desks", name, "bank"), f"a second desk of {desk.bank!r}")
        seen.add(desk.bank)
    yield from _changes(scenario)
    yield from _before_buying(scenario)


def _changes(scenario: Scenario) -> Iterator[Finding]:
    """A change that sends payments back must say when they go back, unless every route does."""
    silent = [
        name
        for name, route in scenario.routes.items()
        for step in route.steps
        if reviews(step) and step.return_after is None
    ]
    for number, entry in numbered(scenario.timeline, Review):
        if entry.return_probability and entry.return_after is None and silent:
            path = ("timeline", number, "return_probability")
            yield Finding(path, f"what is sent back needs 'return_after', here or in route {silent[0]!r}")


def _before_buying(scenario: Scenario) -> Iterator[Finding]:
    """When a payer buys is known beforehand, so nothing may hold its payment up before that."""
    changed = any(entry.return_probability for _, entry in numbered(scenario.timeline, Review))
    staffed = {desk.bank for desk in scenario.desks.values() if desk.staff is not None}
    for name, route in scenario.routes.items():
        buying = [n for n, step in enumerate(route.steps) if step.exchanging() == "payer"]
        for number, step in enumerate(route.steps[: buying[0]] if buying else ()):
            if not reviews(step):
                continue
            waits = bool(staffed) if step.at in ROLES else step.at in staffed
            if waits or step.return_probability or changed:
                message = "a review that may have to wait, or send back, comes after the payer's 'convert'"
                yield Finding(("routes", name, "steps", number), message)
