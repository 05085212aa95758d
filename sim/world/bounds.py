"""What keeps a bank from paying although its account covers it: limits, reservations, and its own caution."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.clock import local_instant
from sim.core.currency import to_minor
from sim.scenario.model.timing import seconds_after_midnight
from sim.scenario.topology import books, zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.world.accounts import Accounts


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
