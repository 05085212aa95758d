"""Whatever makes obligations (trade, loans, projects) asks for payments in some currency between two groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sim.scenario.model.credit import Loan
from sim.scenario.model.timeline import Mix, numbered
from sim.scenario.topology import Passenger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.credit import Project
    from sim.scenario.model.trade import Flow

    Origin: TypeAlias = Flow | Loan | Project


class Demand(NamedTuple):
    """Payments in a currency from one group of firms to another, and where the scenario asks for them."""

    path: tuple[str | int, ...]
    origin: str
    currency: str
    payer: str
    payee: str


def origins(scenario: Scenario) -> dict[str, Origin]:
    """Everything that makes obligations, by name: trade, then loans, then projects."""
    return {**scenario.flows, **scenario.loans, **scenario.projects}


def demands(scenario: Scenario) -> Iterator[Demand]:
    """All payments that a scenario can ask for."""
    for name, flow in scenario.flows.items():
        for currency in flow.invoicing:
            yield Demand(("flows", name, "invoicing", currency), name, currency, flow.payer, flow.payee)
    for number, entry in numbered(scenario.timeline, Mix):
        yield from _mixed(number, entry, scenario)
    for name, loan in scenario.loans.items():
        path = ("loans", name, "currency")
        yield Demand(path, name, loan.currency, loan.lender, loan.borrower)
        yield Demand(path, name, loan.currency, loan.borrower, loan.lender)
    for name, project in scenario.projects.items():
        path = ("projects", name, "currency")
        yield Demand(path, name, project.currency, project.payer, project.payee)


def passengers(demand: Demand, scenario: Scenario) -> Iterator[Passenger]:
    """Every kind of payment that a demand can make: one for each pair of banks."""
    payer, payee = scenario.firms[demand.payer], scenario.firms[demand.payee]
    for payer_bank in payer.home_banks():
        for payee_bank in payee.home_banks():
            yield Passenger(demand.currency, payer_bank, payee_bank, (payer.side, payee.side))


def _mixed(number: int, entry: Mix, scenario: Scenario) -> Iterator[Demand]:
    for name in scenario.flows if entry.flows is None else entry.flows:
        flow, told = scenario.flows[name], set(scenario.flows[name].invoicing)
        for place, point in enumerate(entry.path):
            for currency in point.invoicing:
                if currency not in told:
                    told.add(currency)
                    path = ("timeline", number, "path", place, "invoicing", currency)
                    yield Demand(path, name, currency, flow.payer, flow.payee)
