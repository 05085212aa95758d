"""Banks and systems as numbered rows, with the hours, cycles, limits and loans by which money moves between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.calendars import weeks_of
from sim.core.clock import NEVER, Seconds
from sim.core.currency import to_minor
from sim.core.hours import OpeningHours
from sim.scenario.topology import book, books, zone_of
from sim.world.accounts import Accounts, Bounds, Pace, bounds, build_accounts, paces
from sim.world.funding import FundingPlan, funding_plans
from sim.world.session_funding import SessionFunding, session_fundings
from sim.world.systems import SystemPlan, system_hours, system_plans
from sim.world.timeline import Failure, Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.core.calendars import Days
    from sim.scenario.model import Scenario
    from sim.scenario.model.facilities import Facility
    from sim.scenario.model.settlement import Books
    from sim.world.timeline import Timeline
    from sim.world.timing import Openings


class DeskPlan(NamedTuple):
    """Who reviews a bank's payments; `staff` is None where nobody ever waits for an analyst."""

    name: str
    hours: OpeningHours
    staff: int | None
    queue: str


class Shift(NamedTuple):
    """Minor units granted to an account, or withdrawn if negative, at an instant."""

    at: int
    account: int
    amount: int


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Everything that holds money.

    `scheduled_cycles` are the netting cycles as if no system was ever out. `failed_at` holds by bank, and
    `frozen_at` by account, from when on it does not pay or receive any more (NEVER for most).
    """

    banks: tuple[str, ...]
    bank_hours: tuple[OpeningHours, ...]
    desks: tuple[DeskPlan, ...]
    """By bank: who reviews its payments."""
    systems: tuple[str, ...]
    system_plans: tuple[SystemPlan, ...]
    """By system: its rules."""
    system_hours: tuple[OpeningHours, ...]
    accounts: Accounts
    funding: tuple[FundingPlan, ...]
    session_funding: tuple[SessionFunding, ...]
    cycles: tuple[tuple[int, ...], ...]
    scheduled_cycles: tuple[tuple[int, ...], ...]
    caps: dict[int, int]
    lendings: tuple[Lending, ...]
    bounds: dict[int, Bounds]
    paces: tuple[tuple[Pace, ...], ...]
    """By system: its throughput rule, in order of time."""
    failed_at: Seconds
    frozen_at: Seconds
    shifts: tuple[Shift, ...]
    emptied: tuple[tuple[int, ...], ...]
    """By system: when what is left on its accounts is taken away."""
    clearings: tuple[tuple[int, ...], ...]
    """By system: when the positions in a clearing account go back to zero."""
    split_above: tuple[int | None, ...]
    """By system: the largest amount that is submitted in one part, in minor units."""

    def account_numbers(self, system: str) -> NDArray[np.int64]:
        """Account number by bank number in `system`; −1 where a bank has none."""
        return np.array(
            [self.accounts.number.get((bank, system), -1) for bank in self.banks], dtype=np.int64
        ).reshape(-1)


def build_network(scenario: Scenario, openings: Openings) -> Network:
    """Number the banks, systems and accounts of a scenario."""
    timeline = openings.timeline
    accounts, kept = build_accounts(scenario, timeline), books(scenario)
    scheduled = {name: _cycles(name, scenario, openings) for name in scenario.systems}
    # Where no banks are declared, whoever holds or keeps an account is one.
    named = [(account.holder, account.servicer) for account in scenario.accounts]
    others = [
        bank for bank in dict.fromkeys(chain.from_iterable(named)) if bank and bank not in scenario.banks
    ]
    banks = (*scenario.banks, *others)
    bank_hours = (
        *(openings.hours(bank.hours, ("bank", name)) for name, bank in scenario.banks.items()),
        *(openings.hours("always") for _ in others),
    )
    hours = {name: system_hours(name, scenario, openings) for name in scenario.systems}
    emptied = tuple(_emptied(name, scenario, openings) for name in scenario.systems)
    return Network(
        banks=banks,
        bank_hours=bank_hours,
        desks=_desks(scenario, banks, bank_hours, openings),
        systems=tuple(scenario.systems),
        system_plans=system_plans(scenario),
        system_hours=tuple(hours.values()),
        accounts=accounts,
        funding=tuple(funding_plans(scenario, accounts, openings)),
        session_funding=tuple(session_fundings(scenario, accounts, tuple(hours.values()), emptied, openings)),
        cycles=tuple(_delayed(cycles, name, scenario, openings) for name, cycles in scheduled.items()),
        scheduled_cycles=tuple(scheduled.values()),
        caps={
            accounts.number[account.holder, account.system]: to_minor(
                account.net_debit_cap, kept[account.system].currency
            )
            for account in scenario.accounts
            if account.net_debit_cap is not None
        },
        lendings=lendings(scenario, accounts, openings),
        bounds=bounds(scenario, accounts, hours),
        paces=paces(scenario, hours),
        failed_at=_failed_at(banks, timeline),
        frozen_at=_frozen_at(accounts, timeline),
        shifts=_shifts(accounts, hours, openings),
        emptied=emptied,
        clearings=tuple(_clearings(name, scenario, openings) for name in scenario.systems),
        split_above=tuple(_largest_part(kept.get(name)) for name in scenario.systems),
    )


def _desks(
    scenario: Scenario, banks: Sequence[str], bank_hours: Sequence[OpeningHours], openings: Openings
) -> tuple[DeskPlan, ...]:
    """One desk for each of the `banks`, in their order; an outage of the bank is one of its desk, too.

    Where none is declared it has as many people as it takes, in the bank's own hours.
    """
    declared = {desk.bank: (name, desk) for name, desk in scenario.desks.items()}
    found = []
    for bank, office in zip(banks, bank_hours, strict=True):
        if bank not in declared:
            found.append(DeskPlan(bank, office, None, "fifo"))
            continue
        name, desk = declared[bank]
        hours = office if desk.hours is None else openings.hours(desk.hours, ("bank", bank))
        found.append(DeskPlan(name, hours.without(openings.gaps(("desk", name))), desk.staff, desk.queue))
    return tuple(found)


def _failed_at(banks: Sequence[str], timeline: Timeline) -> Seconds:
    """Instants of failure by bank number, NEVER for those that do not fail."""
    failed = {failure.bank: failure.at for failure in timeline.of(Failure)}
    return np.array([failed.get(bank, NEVER) for bank in banks], dtype=np.int64)


def _frozen_at(accounts: Accounts, timeline: Timeline) -> Seconds:
    """Instants from which accounts are frozen, by account number, NEVER for those that are not.

    These are the accounts that a failed bank holds, and those of others in its books.
    """
    failed: dict[str | None, int] = {failure.bank: failure.at for failure in timeline.of(Failure)}
    return np.array(
        [
            min(failed.get(holder, NEVER), failed.get(servicer, NEVER))
            for holder, servicer in zip(accounts.holder, accounts.servicer, strict=True)
        ],
        dtype=np.int64,
    )


def _shifts(accounts: Accounts, hours: Mapping[str, OpeningHours], openings: Openings) -> tuple[Shift, ...]:
    """What the timeline grants and withdraws, when the account's system is open, in order."""
    start = openings.window.start
    return tuple(
        sorted(
            Shift(
                hours[grant.system].opens_at(max(grant.at, start)),
                accounts.number[grant.holder, grant.system],
                grant.amount,
            )
            for grant in openings.timeline.of(Grant)
        )
    )


def _largest_part(system: Books | None) -> int | None:
    if system is None or system.largest_part is None:
        return None
    return to_minor(system.largest_part, system.currency)


def _cycles(name: str, scenario: Scenario, openings: Openings) -> tuple[int, ...]:
    """Instants of the netting cycles of a system, none if it has none."""
    system = book(scenario, name)
    if system is None or not system.netted_at:
        return ()
    days = np.unique(openings.hours(system.hours).value_dates)
    return openings.daily(system.netted_at, days, zone_of(scenario, name).key)


def _delayed(cycles: tuple[int, ...], name: str, scenario: Scenario, openings: Openings) -> tuple[int, ...]:
    """What falls into an outage takes place when the system is back."""
    gaps = openings.gaps(("system", name))
    if not gaps:
        return cycles
    hours = system_hours(name, scenario, openings)
    moved = {
        hours.opens_at(instant) if any(since <= instant < until for since, until in gaps) else instant
        for instant in cycles
    }
    return tuple(sorted(instant for instant in moved if instant < openings.window.end))


def _emptied(name: str, scenario: Scenario, openings: Openings) -> tuple[int, ...]:
    """The ends of the sessions of a system that empties accounts then.

    An outage ends no session; who is out at the end of one is emptied at the next.
    """
    if not scenario.systems[name].empties:
        return ()
    hours = system_hours(name, scenario, openings)
    ends = hours.scheduled.ends
    return tuple(ends[(ends > openings.window.start) & np.isin(ends, hours.ends)].tolist())


def _clearings(name: str, scenario: Scenario, openings: Openings) -> tuple[int, ...]:
    """When a clearing account is squared: on the last working day of each period, or the next opening after it."""
    squaring = scenario.systems[name].squaring
    if squaring is None:
        return ()
    hours = system_hours(name, scenario, openings)
    days = np.unique(hours.scheduled.value_dates)
    period = _PERIODS[squaring.every](days)
    last = days[np.append(period[1:] != period[:-1], False)]
    return tuple(
        sorted(
            {hours.opens_at(at) for at in openings.daily([squaring.at], last, zone_of(scenario, name).key)}
        )
    )


def _months(days: Days) -> NDArray[np.int64]:
    return np.asarray(days.astype("datetime64[M]").astype(np.int64))


#: Numbers of the period that each day belongs to, by how often a clearing account is settled.
_PERIODS: Final[dict[str, Callable[[Days], NDArray[np.int64]]]] = {
    "weekly": weeks_of,
    "monthly": _months,
    "two-monthly": lambda days: _months(days) // 2,
}


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
