"""Which banks act, and whose accounts pay, follows from a payment's parties and the route that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.scenario.model.steps import ROLES
from sim.scenario.topology import Topology, books, legs

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class Roles:
    """The bank that plays a role, or that is called by name, for every payment of one route."""

    def __init__(
        self,
        payments: Payments,
        network: Network,
        correspondents: NDArray[np.int64],
        places: dict[str, list[BookAccounts]],
    ) -> None:
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

    def accounts(self, step: Settle, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the debited and the credited account; nothing moves if they are the same.

        Of a link, those in the leg of the payment's currency.
        """
        debit, credit = self.banks(step.debit, rows), self.banks(step.credit, rows)
        first, *others = self._places[step.system]
        if not others:
            return first.numbers[debit], first.numbers[credit]
        return self._in_leg(step, rows, debit, own=True), self._in_leg(step, rows, credit, own=True)

    def counter_accounts(self, step: Settle, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same of the counter-value, in the other leg of a link."""
        debit, credit = self.banks(step.credit, rows), self.banks(step.debit, rows)
        return self._in_leg(step, rows, debit, own=False), self._in_leg(step, rows, credit, own=False)

    def _in_leg(self, step: Settle, rows: Rows, banks: NDArray[np.int64], *, own: bool) -> NDArray[np.int64]:
        one, other = self._places[step.system]
        in_first = (self._payments.currency[rows] == one.currency) == own
        return np.where(in_first, one.numbers[banks], other.numbers[banks])

    def by_hours(self, role: str, rows: Rows) -> list[tuple[NDArray[np.int64], OpeningHours]]:
        """Positions within `rows`, together with the hours of their bank; banks of equal hours together."""
        banks = self.banks(role, rows)
        groups: dict[int, tuple[OpeningHours, list[int]]] = {}
        for bank in np.unique(banks):
            hours = self._network.bank_hours[bank]
            groups.setdefault(id(hours), (hours, []))[1].append(int(bank))
        if len(groups) == 1:
            ((hours, _),) = groups.values()
            return [(np.arange(len(rows)), hours)]
        return [(np.flatnonzero(np.isin(banks, members)), hours) for hours, members in groups.values()]


def roles_by_route(
    scenario: Scenario,
    routes: dict[str, Route],
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
    places = {name: [every[leg] for leg in legs(scenario, name)] for name in scenario.systems}
    numbers = {bank: number for number, bank in enumerate(network.banks)}
    found = []
    for route in routes.values():
        keepers = [topology.correspondent(bank, route) for bank in network.banks]
        correspondents = np.array([-1 if bank is None else numbers[bank] for bank in keepers], dtype=np.int64)
        found.append(Roles(payments, network, correspondents, places))
    return found
