"""A payment passes a route if, at every step, somebody plays the roles and holds the accounts that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.scenario.model.operations import Closure
from sim.scenario.model.steps import moves
from sim.scenario.model.timeline import numbered
from sim.scenario.topology import book, legs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.scenario.model.steps import Settle
    from sim.scenario.topology import Passenger, Topology


class Obstacle(NamedTuple):
    """What keeps a payment from passing: the number of the step, the key to blame if it is one, and words."""

    step: int
    key: str | None
    message: str


def obstacles(topology: Topology, route: Route, passenger: Passenger) -> Iterator[Obstacle]:
    """Everything that keeps a payment from passing `route`, step by step."""
    parties = (passenger.payer_bank, passenger.payee_bank)
    for number, step in enumerate(route.steps):
        if moves(step):
            yield from _settle(topology, route, number, step, parties, passenger.currency)
            continue
        for role in step.acting():
            if topology.in_role(role, *parties, route) is None:
                yield _nobody(number, role, *parties)


def _settle(
    topology: Topology, route: Route, number: int, step: Settle, parties: tuple[str, str], currency: str
) -> Iterator[Obstacle]:
    """The currency, and in each of the books both accounts, with one servicer behind a book transfer."""
    places = legs(topology.scenario, step.system)
    kept = [book(topology.scenario, place) for place in places]
    currencies = [place.currency for place in kept if place is not None]
    if currency not in currencies:
        settles = " and ".join(currencies)
        yield Obstacle(number, "system", f"{step.system!r} settles {settles}, not {currency}")
    banks = [topology.in_role(role, *parties, route) for role in (step.debit, step.credit)]
    for role, bank in zip((step.debit, step.credit), banks, strict=True):
        if bank is None:
            yield _nobody(number, role, *parties)
    for place in places:
        holders = [bank for bank in banks if bank is not None and topology.holds(bank, place)]
        for bank in banks:
            if bank is not None and bank not in holders:
                yield Obstacle(number, None, f"{bank!r} has no account in {place!r}")
        if len(set(holders)) > 1 and len({topology.servicer(bank, place) for bank in holders}) > 1:
            debit, credit = holders
            yield Obstacle(number, None, f"{debit!r} and {credit!r} have no common servicer in {place!r}")


def _nobody(number: int, role: str, payer_bank: str, payee_bank: str) -> Obstacle:
    bank = payer_bank if role.startswith("payer") else payee_bank
    return Obstacle(number, None, f"{bank!r} has no correspondent on this route")


def closures(scenario: Scenario) -> Iterator[tuple[int, Closure]]:
    """The entries of the timeline that close a way, with their numbers."""
    return numbered(scenario.timeline, Closure)  # type: ignore[type-abstract]


def detours(entry: Closure, passenger: Passenger, topology: Topology) -> list[str]:
    """The listed routes that a payment can pass, in their order; by weight, those of none left out."""
    scenario = topology.scenario
    return [
        name
        for name in entry.fallback
        if not entry.closes(name, passenger, topology)
        and (entry.choice == "order" or scenario.routes[name].weight > 0)
        and topology.carries(scenario.routes[name], passenger)
        and not any(obstacles(topology, scenario.routes[name], passenger))
    ]
