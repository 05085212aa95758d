"""Money that comes to an account at the very end of a session is taken away with all the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from sim.core.clock import NEVER, from_instant
from sim.scenario.topology import deals_against
from sim.world.network import system_hours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.clock import Seconds
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Account
    from sim.world.timing import Openings


def swept_at_once(scenario: Scenario, openings: Openings) -> list[str]:
    """A sentence for each treasury whose purchases for a system with `zero_balance` come as a session ends."""
    return list(dict.fromkeys(_warnings(scenario, openings)))


def _warnings(scenario: Scenario, openings: Openings) -> Iterator[str]:
    # Who shares treasury, system and side of the market shares its deliveries, too.
    alike = {
        (account.treasury, account.system, deals_against(scenario, account) is None): account
        for account in reversed(scenario.accounts)
    }
    for account in reversed(alike.values()):
        system = scenario.systems[account.system]
        if account.treasury is None or not system.empties:
            continue
        hours = system_hours(account.system, scenario, openings)
        comes = _deliveries(account, scenario, openings)
        lost = comes[np.isin(comes, hours.scheduled.ends) & np.isin(comes, hours.ends)]
        if len(lost):
            zone = scenario.treasuries[account.treasury].zone
            first = from_instant(int(lost[0]), ZoneInfo(zone))
            yield (
                f"treasury {account.treasury!r}: what it buys for {account.system!r} comes as a session ends, and is "
                f"taken away at once, {len(lost)} of {len(comes)} times, first on {first:%Y-%m-%d at %H:%M} "
                f"({zone}); let it come a minute later"
            )


def _deliveries(account: Account, scenario: Scenario, openings: Openings) -> Seconds:
    """When money that the account's treasury buys arrives, for each of its decisions."""
    treasury = scenario.treasuries[account.treasury or ""]
    hours = system_hours(account.system, scenario, openings)
    daily = openings.daily(treasury.at, openings.days(treasury.calendar).dates(), treasury.zone)
    dealt = np.unique(hours.next_open(np.array(daily, dtype=np.int64)))
    if treasury.market is not None and deals_against(scenario, account) is not None:
        market = scenario.markets[treasury.market]
        dealt = openings.hours(market.hours, ("market", treasury.market)).next_open(dealt)
    comes = hours.next_open(dealt[dealt < NEVER] + treasury.lag)
    return np.unique(comes[comes < openings.window.end])
