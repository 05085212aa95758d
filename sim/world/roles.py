"""Which banks act, and whose accounts pay, follows from a payment's parties and the route that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.scenario.model.steps import ROLES
from sim.scenario.topology import Topology, books, legs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.scenario.model.steps import Settle
    from sim.world.network import Network
    from sim.world.payments import Payments

    Rows = NDArray[np.int64]


class BookAccounts(NamedTuple):
    """Books in which money can move: the number of their currency, and the account number of each bank."""

    currency: int
    numbers: NDArray[np.int64]


class Move(NamedTuple):
    """Money moves in a system, by number, between the accounts of two banks that play roles or are called by name.

    In a link it moves in the leg of the payment's currency, and a counter-value in the other one.
    """

    system: int
    debit: str
    credit: str
    linked: bool

    @property
    def back(self) -> Move:
        """The same in reverse."""
        return self._replace(debit=self.credit, credit=self.debit)


def move(step: Settle, scenario: Scenario) -> Move:
    """What a step moves."""
    linked = len(legs(scenario, step.system)) > 1
    return Move(list(scenario.systems).index(step.system), step.debit, step.credit, linked)


class Roles:
    """The bank that plays a role, or that is called by name, for every payment of one route."""

    def __init__(
        self,
        payments: Payments,
        network: Network,
        correspondents: NDArray[np.int64],
        places: list[list[BookAccounts]],
    ) -> None:
        """`places` are those of each system, by number: a link has two."""
        self._payments = payments
        self._network = network
        self._correspondents = correspondents
        self._places = places

    def banks(self, role: str, rows: Rows) -> NDArray[np.int64]:
        """Bank numbers, by payment."""
        if role not in ROLES:
            return np.full(len(rows), self._network.banks.index(role), dtype=np.int64)
        party = self._payments.payer_bank if role.startswith("payer") else self._payments.payee_bank
        return party[rows] if role.endswith("bank") else self._correspondents[party[rows]]

    def failed_at(self, role: str, rows: Rows) -> NDArray[np.int64]:
        """When the bank in a role fails, by payment; NEVER for most."""
        return self._network.failed_at[self.banks(role, rows)]

    def accounts(self, move: Move, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the debited and the credited account; nothing moves if they are the same.

        Of a link, those in the leg of the payment's currency.
        """
        debit, credit = self.banks(move.debit, rows), self.banks(move.credit, rows)
        if not move.linked:
            (place,) = self._places[move.system]
            return place.numbers[debit], place.numbers[credit]
        return self._in_leg(move, rows, debit, own=True), self._in_leg(move, rows, credit, own=True)

    def counter_accounts(self, move: Move, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same of the counter-value, in the other leg of a link."""
        debit, credit = self.banks(move.credit, rows), self.banks(move.debit, rows)
        return self._in_leg(move, rows, debit, own=False), self._in_leg(move, rows, credit, own=False)

    def _in_leg(self, move: Move, rows: Rows, banks: NDArray[np.int64], *, own: bool) -> NDArray[np.int64]:
        one, other = self._places[move.system]
        in_first = (self._payments.currency[rows] == one.currency) == own
        return np.where(in_first, one.numbers[banks], other.numbers[banks])

    def by_hours(
        self, role: str, rows: Rows, of_bank: Sequence[OpeningHours] | None = None
    ) -> list[tuple[NDArray[np.int64], OpeningHours]]:
        """Positions within `rows`, together with the hours of their bank; banks of equal hours together.

        They are the hours of its office, unless those `of_bank` are others.
        """
        of_bank = self._network.bank_hours if of_bank is None else of_bank
        banks = self.banks(role, rows)
        groups: dict[int, tuple[OpeningHours, list[int]]] = {}
        for bank in np.unique(banks):
            hours = of_bank[bank]
            groups.setdefault(id(hours), (hours, []))[1].append(int(bank))
        if len(groups) == 1:
            ((hours, _),) = groups.values()
            return [(np.arange(len(rows)), hours)]
        return [(np.flatnonzero(np.isin(banks, members)), hours) for hours, members in groups.values()]


def roles_by_route(
    scenario: Scenario,
    routes: Mapping[str, Route],
    payments: Payments,
    network: Network,
    currencies: Sequence[str],
) -> list[Roles]:
    """The roles of each route, by route number; `currencies` are named in the order of their numbers."""
    topology, kept = Topology(scenario), books(scenario)
    every = {
        name: BookAccounts(currencies.index(system.currency), network.account_numbers(name))
        for name, system in kept.items()
    }
    places = [[every[leg] for leg in legs(scenario, name)] for name in scenario.systems]
    numbers = {bank: number for number, bank in enumerate(network.banks)}
    found = []
    for route in routes.values():
        keepers = [topology.correspondent(bank, route) for bank in network.banks]
        correspondents = np.array([-1 if bank is None else numbers[bank] for bank in keepers], dtype=np.int64)
        found.append(Roles(payments, network, correspondents, places))
    return found
