"""A bank that must pay before it is paid keeps some days of its usual payouts on the account."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.core.currency import Amounts, round_half_even
from sim.errors import Problem, ScenarioError
from sim.scenario.model.steps import moves
from sim.world.funding import funding_plans
from sim.world.roles import move, roles_by_route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Route
    from sim.world.network import Network
    from sim.world.payments import Payments
    from sim.world.roles import Roles
    from sim.world.timing import Openings

#: Minor units of an opening balance, as for those that are stated.
_MOST: Final = 10**17


def prefunded(
    scenario: Scenario,
    openings: Openings,
    network: Network,
    routes: dict[str, Route],
    payments: Payments,
    currencies: Sequence[str],
) -> Network:
    """The network with the opening balances that accounts state in days of mean payouts.

    `prefund_days` · (what the account is asked to pay for payments due in the period) / (working days of its
    holder whose sessions reach into the period), in whole minor units, halves to the even one. The days are the
    holder's, and as declared whatever the timeline says, so that a system with other hours or holidays is not
    given other balances. Targets of treasuries that are not stated follow.
    """
    wanted = [k for k, account in enumerate(scenario.accounts) if account.prefund_days is not None]
    if not wanted:
        return network
    every = roles_by_route(scenario, routes, payments, network, currencies)
    total = payouts(scenario, openings, network, routes, payments, every)
    period = (openings.window.period_start, openings.window.period_end)
    opening = network.accounts.opening.copy()
    for k in wanted:
        days = working_days(_hours_of_holder(scenario, openings, network, k), *period)
        share = float(scenario.accounts[k].prefund_days or 0)
        wished = share * float(total[k]) / days if days else 0.0
        if wished > _MOST:
            message = f"{share:g} days of payouts are more than this simulator can count"
            raise ScenarioError([Problem("", f"accounts.{k}.prefund_days", message)])
        opening[k] = round_half_even(wished)
    accounts = replace(network.accounts, opening=opening)
    return replace(network, accounts=accounts, funding=tuple(funding_plans(scenario, accounts, openings)))


def payouts(
    scenario: Scenario,
    openings: Openings,
    network: Network,
    routes: dict[str, Route],
    payments: Payments,
    every: list[Roles],
) -> Amounts:
    """What each account is asked to pay for payments due in the period, in minor units by account number.

    Counter-values of links, which are known only when they move, do not count.
    """
    window = openings.window
    due = (payments.due_at >= window.period_start) & (payments.due_at < window.period_end)
    total = np.zeros(len(network.accounts), dtype=np.int64)
    for number, (route, roles) in enumerate(zip(routes.values(), every, strict=True)):
        rows = np.flatnonzero(due & (payments.route == number))
        for step in route.steps:
            if moves(step):
                debit, credit = roles.accounts(move(step, scenario), rows)
                moving = debit != credit
                np.add.at(total, debit[moving], payments.amount[rows[moving]])
    return total


def _hours_of_holder(scenario: Scenario, openings: Openings, network: Network, account: int) -> OpeningHours:
    """When the holder of an account works; of a holder that is not declared as a bank, when its system does."""
    bank = scenario.banks.get(network.accounts.holder[account])
    if bank is not None:
        return openings.ordinary_hours(bank.hours)
    return network.system_hours[network.accounts.system_number[account]].scheduled


def working_days(hours: OpeningHours, start: int, end: int) -> int:
    """Number of working days whose sessions reach into `[start, end)`."""
    inside = (hours.ends > start) & (hours.starts < end)
    return len(np.unique(hours.value_dates[inside]))
