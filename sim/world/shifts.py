"""Liquidity comes to an account from outside, or is taken from it, on a date that no treasury chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.core.clock import to_instant
from sim.core.currency import to_minor
from sim.scenario.model.timeline import Liquidity, numbered
from sim.scenario.topology import books
from sim.world.effects import gives_effect_to

if TYPE_CHECKING:
    from sim.scenario.model import Scenario
    from sim.world.accounts import Accounts
    from sim.world.timing import Openings


class Shift(NamedTuple):
    """Minor units granted to an account, or withdrawn if negative, at an instant."""

    at: int
    account: int
    amount: int


@gives_effect_to(Liquidity)
def shifts(scenario: Scenario, accounts: Accounts, openings: Openings) -> tuple[Shift, ...]:
    """What the timeline grants and withdraws, when the account's system is open, in order."""
    found = []
    for _, entry in numbered(scenario.timeline, Liquidity):
        system = books(scenario)[entry.system]
        hours = openings.hours(system.hours, ("system", entry.system))
        at = max(to_instant(entry.at, openings.window.zone), openings.window.start)
        amount = to_minor(entry.amount, system.currency)
        found.append(Shift(hours.opens_at(at), accounts.number[entry.holder, entry.system], amount))
    return tuple(sorted(found))
