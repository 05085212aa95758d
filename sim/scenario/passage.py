"""A payment passes a route if, at every step, somebody plays the roles and holds the accounts that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.scenario.model.network import Screen, Settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model.network import Route
    from sim.scenario.topology import Topology


class Obstacle(NamedTuple):
    """What keeps a payment from passing: the number of the step, the key to blame if it is one, and words."""

    step: int
    key: str | None
    message: str


def obstacles(
    topology: Topology, route: Route, payer_bank: str, payee_bank: str, currency: str
) -> Iterator[Obstacle]:
    """Everything that keeps a payment of two banks in `currency` from passing `route`, step by step."""
    for number, step in enumerate(route.steps):
        if isinstance(step, Screen):
            if topology.in_role(step.at, payer_bank, payee_bank, route) is None:
                yield _nobody(number, step.at, payer_bank, payee_bank)
        elif isinstance(step, Settle):
            yield from _settle(topology, route, number, step, (payer_bank, payee_bank), currency)


def _settle(
    topology: Topology, route: Route, number: int, step: Settle, parties: tuple[str, str], currency: str
) -> Iterator[Obstacle]:
    """The system's currency, both accounts, and one servicer behind the accounts of a book transfer."""
    found = topology.scenario.systems[step.system].currency
    if found != currency:
        yield Obstacle(number, "system", f"{step.system!r} settles {found}, not {currency}")
    banks = []
    for role in (step.debit, step.credit):
        bank = topology.in_role(role, *parties, route)
        if bank is None:
            yield _nobody(number, role, *parties)
        elif not topology.holds(bank, step.system):
            yield Obstacle(number, None, f"{bank!r} has no account in {step.system!r}")
        else:
            banks.append(bank)
    if len(set(banks)) > 1 and len({topology.servicer(bank, step.system) for bank in banks}) > 1:
        debit, credit = banks
        yield Obstacle(number, None, f"{debit!r} and {credit!r} have no common servicer in {step.system!r}")


def _nobody(number: int, role: str, payer_bank: str, payee_bank: str) -> Obstacle:
    bank = payer_bank if role.startswith("payer") else payee_bank
    return Obstacle(number, None, f"{bank!r} has no correspondent on this route")
