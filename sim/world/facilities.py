"""What a facility lends to whom, and when, in the numbers of accounts and in minor units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.currency import to_minor
from sim.scenario.topology import books

if TYPE_CHECKING:
    from sim.scenario.model import Scenario
    from sim.scenario.model.facilities import Facility
    from sim.world.accounts import Accounts
    from sim.world.timing import Openings


@dataclass(frozen=True, slots=True)
class Lending:
    """A facility: its accounts in order, the limit of each or, if `shared`, of all together, prices per year, times.

    `instants` are those of daily draws, none for a facility on demand; a `term` of None is overnight.
    """

    system: int
    lender: int
    accounts: tuple[int, ...]
    limits: dict[int, int]
    shared: bool
    rate: float
    penalty_rate: float
    minimum: int
    on_demand: bool
    instants: tuple[int, ...]
    lag: int
    term: int | None


def lendings(scenario: Scenario, accounts: Accounts, openings: Openings) -> tuple[Lending, ...]:
    """The facilities of a scenario, in the order of their declaration."""
    return tuple(
        _lending(facility, scenario, accounts, openings) for facility in scenario.facilities.values()
    )


def _lending(declared: Facility, scenario: Scenario, accounts: Accounts, openings: Openings) -> Lending:
    currency = books(scenario)[declared.system].currency
    number = {bank: accounts.number[bank, declared.system] for bank in declared.banks}
    daily = declared.daily
    return Lending(
        system=list(scenario.systems).index(declared.system),
        lender=accounts.market(declared.system),
        accounts=tuple(sorted(number.values())),
        limits={number[bank]: declared.limit_of(bank, currency) for bank in declared.banks},
        shared=declared.shared,
        rate=float(declared.rate),
        penalty_rate=float(declared.penalty_rate),
        minimum=to_minor(declared.minimum, currency),
        on_demand=daily is None,
        instants=()
        if daily is None
        else openings.daily([daily.at], openings.days(daily.calendar).dates(), daily.zone),
        lag=declared.lag,
        term=declared.lasting,
    )
