"""Which routes, banks and desks payments can come to, and which routes share them, follows from the declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sim.scenario.demands import demands, passengers
from sim.scenario.model.steps import moves, reviews
from sim.scenario.model.timeline import Review, numbered
from sim.scenario.topology import Topology, closures, legs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.topology import Passenger

#: So many names, or kinds of payments, are told one by one.
_NAMED: Final = 5


class Reach(NamedTuple):
    """Names of what payments can come to."""

    routes: frozenset[str]
    banks: frozenset[str]
    """As the payer's or the payee's, as one that keeps an account of theirs, or as one that a step names."""
    desks: frozenset[str]


def named(what: str, names: Iterable[str]) -> str:
    """Several things of a kind by name: `bank 'a'`, `banks 'a' and 'b'`, the first few of many."""
    quoted = [repr(name) for name in names]
    told = quoted[:_NAMED] + ([f"{len(quoted) - _NAMED} more"] if len(quoted) > _NAMED else [])
    *before, last = told
    return f"{what}s {', '.join(before)} and {last}" if before else f"{what} {last}"


def standing_by(scenario: Scenario) -> frozenset[str]:
    """Routes that are meant to carry nothing as long as all is well: of no weight, or listed for a closed way."""
    listed = {name for _, entry in closures(scenario) for name in entry.fallback}
    return frozenset(listed | {name for name, route in scenario.routes.items() if not route.weight})


def declared(scenario: Scenario) -> Reach:
    """All that a scenario declares, but for routes that stand by."""
    routes = scenario.routes.keys() - standing_by(scenario)
    return Reach(frozenset(routes), frozenset(scenario.banks), frozenset(scenario.desks))


def reach(scenario: Scenario, *, detours: bool) -> Reach:
    """What the payments that a scenario asks for can come to; with `detours` also over routes that stand by.

    Payments of one's own go wherever their rows say: they can come to all that is declared.
    """
    if scenario.payments is not None:
        return declared(scenario)
    topology, aside = Topology(scenario), standing_by(scenario) if detours else frozenset()
    desks = {desk.bank: name for name, desk in scenario.desks.items()}
    routes, banks, staffed = set[str](), set[str](), set[str]()
    for passenger in _passengers(scenario):
        banks |= {passenger.payer_bank, passenger.payee_bank}
        ways = {*topology.candidates(passenger)}
        ways |= {name for name in aside if topology.carries(scenario.routes[name], passenger)}
        for name in ways:
            routes.add(name)
            met, reviewed = _met(topology, name, passenger)
            banks |= met
            staffed |= {desks[bank] for bank in reviewed if bank in desks}
    return Reach(frozenset(routes), frozenset(banks), frozenset(staffed))


def _passengers(scenario: Scenario) -> set[Passenger]:
    return {passenger for demand in demands(scenario) for passenger in passengers(demand, scenario)}


def _met(topology: Topology, name: str, passenger: Passenger) -> tuple[set[str], set[str]]:
    """The banks that a payment comes to on a route, and those among them that may review it."""
    scenario = topology.scenario
    more = any(entry.probability for _, entry in numbered(scenario.timeline, Review))
    route, met, reviewed = scenario.routes[name], set[str | None](), set[str | None]()
    for step in route.steps:
        acting = {
            topology.in_role(role, passenger.payer_bank, passenger.payee_bank, route)
            for role in step.acting()
        }
        met |= acting
        if reviews(step) and (step.probability or more):
            reviewed |= acting
        if moves(step):
            books = legs(scenario, step.system)
            met |= {topology.servicer(bank, book) for bank in acting if bank is not None for book in books}
    return {bank for bank in met if bank is not None}, {bank for bank in reviewed if bank is not None}


def reach_warnings(scenario: Scenario) -> Iterator[str]:
    """A sentence for each set of routes that share payments silently, and for each kind of thing out of reach.

    A scenario that asks for no payments says nothing of where they could go.
    """
    yield from _shared(scenario)
    if scenario.payments is not None or not any(demands(scenario)):
        return
    every, found = declared(scenario), reach(scenario, detours=True)
    if left := _left(scenario.routes, every.routes - found.routes):
        yield (
            f"no payment can take {named('route', left)}: "
            "nothing here is paid in the currencies and between the sides and banks of 'carries'"
        )
    if left := _left(scenario.banks, every.banks - found.banks):
        yield (
            f"no payment can come to {named('bank', left)}: "
            "no firms with payments bank there, and no route of theirs leads over it"
        )
    if left := _left(scenario.desks, every.desks - found.desks):
        yield f"no case can come to {named('desk', left)}: no payment is reviewed at the bank of the desk"


def _left(order: Iterable[str], names: frozenset[str]) -> list[str]:
    return [name for name in order if name in names]


def _shared(scenario: Scenario) -> Iterator[str]:
    """Routes among which payments are divided though nobody wrote a weight; whoever writes one knows of it."""
    topology, sharing = Topology(scenario), dict[tuple[str, ...], dict[str, None]]()
    # In the order of the declarations.
    for demand in demands(scenario):
        for passenger in passengers(demand, scenario):
            names = tuple(topology.candidates(passenger))
            if len(names) > 1 and not any("weight" in scenario.routes[k].model_fields_set for k in names):
                between = "" if passenger.sides is None else " from {!r} to {!r}".format(*passenger.sides)
                sharing.setdefault(names, {})[f"{passenger.currency}{between}"] = None
    for names, kinds in sharing.items():
        *some, last = [*kinds][:_NAMED] + ([f"{len(kinds) - _NAMED} more"] if len(kinds) > _NAMED else [])
        yield (
            f"{named('route', names)} share payments in {', '.join(some)}{' and ' * bool(some)}{last}, "
            f"{1 / len(names):.1%} each".replace("%", " %")
            + ": none states a 'weight'; state one if that is meant, or what each 'carries'"
        )
