"""Who holds money where, as numbered rows, and what keeps a bank from paying although its account covers it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import local_instant
from sim.core.currency import UNLIMITED, Amounts, to_minor
from sim.scenario.model.timing import seconds_after_midnight
from sim.scenario.topology import MARKET, books, zone_of
from sim.world.timeline import Grant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.world.timeline import Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Accounts:
    """One row per account; holders, servicers and systems by name."""

    holder: tuple[str, ...]
    servicer: tuple[str | None, ...]
    system: tuple[str, ...]
    currency: tuple[str, ...]
    opening: Amounts
    lowest: Amounts
    """The balance at the overdraft limit: zero or below, `UNLIMITED` without one."""
    number: dict[tuple[str, str], int]
    system_number: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.holder)

    def of_system(self, number: int) -> tuple[int, ...]:
        """Numbers of the accounts of a system."""
        return tuple(k for k, system in enumerate(self.system_number) if system == number)

    def market(self, system: str) -> int:
        """Number of the market's account in a system where somebody deals or is lent to."""
        return self.number[MARKET, system]

    @property
    def labels(self) -> list[str]:
        """A readable name of each account, unique within the run: `holder@system`."""
        return [f"{holder}@{system}" for holder, system in zip(self.holder, self.system, strict=True)]


def build_accounts(scenario: Scenario, timeline: Timeline) -> Accounts:
    """The declared accounts, then the servicers' own positions, then the market's where it is needed."""
    rows: list[tuple[str, str | None, str, int, int]] = []
    kept, dealt = books(scenario), _with_markets(scenario, timeline)
    swings = {
        name: None if (rule := system.squaring) is None else rule.swing for name, system in kept.items()
    }
    servicers: dict[str, set[str]] = {}
    for account in scenario.accounts:
        system, swing = kept[account.system], swings[account.system]
        currency = system.currency
        rows.append(
            (
                account.holder,
                account.servicer,
                account.system,
                to_minor(account.balance or Decimal(0), currency),
                -to_minor(account.line(currency) if swing is None else swing, currency),
            )
        )
        if system.serviced and account.servicer:
            servicers.setdefault(account.system, set()).add(account.servicer)
    for name in kept:
        rows += [(bank, bank, name, 0, UNLIMITED) for bank in sorted(servicers.get(name, ()))]
        if name in dealt:
            rows.append((MARKET, None, name, 0, UNLIMITED))
    place = {name: number for number, name in enumerate(scenario.systems)}
    return Accounts(
        holder=tuple(row[0] for row in rows),
        servicer=tuple(row[1] for row in rows),
        system=tuple(row[2] for row in rows),
        currency=tuple(kept[row[2]].currency for row in rows),
        opening=np.array([row[3] for row in rows], dtype=np.int64),
        lowest=np.array([row[4] for row in rows], dtype=np.int64),
        number={(row[0], row[2]): k for k, row in enumerate(rows)},
        system_number=tuple(place[row[2]] for row in rows),
    )


def _with_markets(scenario: Scenario, timeline: Timeline) -> set[str]:
    """The systems into which money comes from outside, or from which it goes there."""
    found = {name for name, system in scenario.systems.items() if system.empties}
    found |= {account.system for account in scenario.accounts if account.treasury}
    found |= {facility.system for facility in scenario.facilities.values()}
    return found | {grant.system for grant in timeline.of(Grant)}


class Bounds(NamedTuple):
    """What bounds an account beside its balance, in minor units; bilateral limits by account number.

    `held` is what ordinary payments may not use of the cover until the instants `released_at`, one for each day.
    """

    bilateral: dict[int, int]
    multilateral: int | None
    reserved: int
    held: int
    released_at: tuple[int, ...]


class Pace(NamedTuple):
    """The share of what banks were asked to pay on a day that they shall have sent by an instant."""

    at: int
    share: Fraction


def bounds(scenario: Scenario, accounts: Accounts, hours: Mapping[str, OpeningHours]) -> dict[int, Bounds]:
    """What bounds each account, where anything does; `hours` are those of the systems, by name."""
    kept, found = books(scenario), {}
    for account in scenario.accounts:
        name, limits, holds = account.system, account.limits, account.holds
        currency, number = kept[name].currency, accounts.number[account.holder, name]
        bound = Bounds(
            {accounts.number[k, name]: to_minor(v, currency) for k, v in limits.bilateral.items()},
            None if limits.multilateral is None else to_minor(limits.multilateral, currency),
            to_minor(account.reserved, currency),
            0 if holds is None else to_minor(holds.below, currency) - int(accounts.lowest[number]),
            () if holds is None else _daily(holds.until, name, scenario, hours[name]),
        )
        if bound.bilateral or bound.multilateral is not None or bound.reserved or bound.held:
            found[number] = bound
    return found


def paces(scenario: Scenario, hours: Mapping[str, OpeningHours]) -> tuple[tuple[Pace, ...], ...]:
    """The throughput rule of each system, by number, at its instants."""
    found = []
    for name, system in scenario.systems.items():
        rule = [
            Pace(at, Fraction(point.share))
            for point in system.rule
            for at in _daily(point.by, name, scenario, hours[name])
        ]
        found.append(tuple(sorted(rule)))
    return tuple(found)


def _daily(text: str, system: str, scenario: Scenario, hours: OpeningHours) -> tuple[int, ...]:
    """A local time of each working day of a system, or the next opening where it is closed then."""
    zone, second = zone_of(scenario, system), seconds_after_midnight(text)
    days = np.unique(hours.scheduled.value_dates).tolist()
    return tuple(hours.opens_at(local_instant(day, second, zone)) for day in days)
