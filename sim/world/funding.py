"""A bank funds its accounts: with what they open with, and with what its treasury buys for them at stated times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from sim.core.clock import NEVER, from_instant
from sim.core.currency import Amounts, round_half_even, to_minor
from sim.errors import Problem, ScenarioError
from sim.scenario.model.steps import moves
from sim.scenario.topology import books, deals_against
from sim.world.roles import move, roles_by_route

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Account, Route, Treasury
    from sim.world.accounts import Accounts
    from sim.world.network import Network
    from sim.world.payments import Payments
    from sim.world.roles import Roles
    from sim.world.timing import Openings


#: Minor units of an opening balance, as for those that are stated.
_MOST: Final = 10**17


class Dealing(NamedTuple):
    """Where a treasury deals, in which currency it pays, and how far from mid."""

    hours: OpeningHours
    against: str
    half_spread: float


@dataclass(frozen=True, slots=True)
class FundingPlan:
    """When a treasury looks at its accounts in one system, and what it wants to see there (minor units).

    `dealing` is None where its deals take place at once and cost nothing.
    """

    treasury: str
    accounts: tuple[int, ...]
    targets: tuple[int, ...]
    system: int
    market: int
    instants: tuple[int, ...]
    lag: int
    sweep: bool
    dealing: Dealing | None


def funding_plans(scenario: Scenario, accounts: Accounts, openings: Openings) -> Iterator[FundingPlan]:
    """One plan for the accounts that share a treasury, a system and a currency against which it deals."""
    cared: dict[tuple[str, str, str | None], list[Account]] = {}
    for account in scenario.accounts:
        if account.treasury is not None:
            against = deals_against(scenario, account)
            cared.setdefault((account.treasury, account.system, against), []).append(account)
    systems, kept = list(scenario.systems), books(scenario)
    for (name, system, against), group in cared.items():
        treasury, currency = scenario.treasuries[name], kept[system].currency
        numbers = tuple(accounts.number[account.holder, system] for account in group)
        yield FundingPlan(
            treasury=name,
            accounts=numbers,
            targets=tuple(
                int(accounts.opening[number])
                if account.target is None
                else to_minor(account.target, currency)
                for number, account in zip(numbers, group, strict=True)
            ),
            system=systems.index(system),
            market=accounts.market(system),
            instants=openings.daily(treasury.at, openings.days(treasury.calendar).dates(), treasury.zone),
            lag=treasury.lag,
            sweep=treasury.sweep,
            dealing=_dealing(treasury, currency, against, scenario, openings),
        )


def _dealing(
    treasury: Treasury, currency: str, against: str | None, scenario: Scenario, openings: Openings
) -> Dealing | None:
    if treasury.market is None or against is None:
        return None
    market = scenario.markets[treasury.market]
    (spread,) = (
        float(quote.spread_bps)
        for pair, quote in market.pairs.items()
        if sorted(pair.split("/")) == sorted((currency, against))
    )
    return Dealing(openings.hours(market.hours, ("market", treasury.market)), against, spread / 20_000)


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
    total = _payouts(scenario, openings, network, routes, payments, every)
    period = (openings.window.period_start, openings.window.period_end)
    opening = network.accounts.opening.copy()
    for k in wanted:
        days = _working_days(_hours_of_holder(scenario, openings, network, k), *period)
        share = float(scenario.accounts[k].prefund_days or 0)
        wished = share * float(total[k]) / days if days else 0.0
        if wished > _MOST:
            message = f"{share:g} days of payouts are more than this simulator can count"
            raise ScenarioError([Problem("", f"accounts.{k}.prefund_days", message)])
        opening[k] = round_half_even(wished)
    accounts = replace(network.accounts, opening=opening)
    # Declared accounts have the first numbers, in their order.
    stated = [account.target is not None for account in scenario.accounts]
    funding = [
        replace(
            plan,
            targets=tuple(
                target if stated[number] else int(opening[number])
                for number, target in zip(plan.accounts, plan.targets, strict=True)
            ),
        )
        for plan in network.funding
    ]
    return replace(network, accounts=accounts, funding=tuple(funding))


def _payouts(
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


def _working_days(hours: OpeningHours, start: int, end: int) -> int:
    """Number of working days whose sessions reach into `[start, end)`."""
    inside = (hours.ends > start) & (hours.starts < end)
    return len(np.unique(hours.value_dates[inside]))


def lost_to_zero_balance(scenario: Scenario, network: Network, openings: Openings) -> Iterator[str]:
    """A sentence for each treasury whose purchases come as a session ends, when `zero_balance` takes them away."""
    for plan in network.funding:
        system, hours = network.systems[plan.system], network.system_hours[plan.system]
        if not scenario.systems[system].empties:
            continue
        dealt = np.unique(hours.next_open(np.array(plan.instants, dtype=np.int64)))
        if plan.dealing is not None:
            dealt = plan.dealing.hours.next_open(dealt)
        comes = hours.next_open(dealt[dealt < NEVER] + plan.lag)
        comes = np.unique(comes[comes < openings.window.end])
        lost = comes[np.isin(comes, hours.scheduled.ends) & np.isin(comes, hours.ends)]
        if len(lost):
            zone = scenario.treasuries[plan.treasury].zone
            first = from_instant(int(lost[0]), ZoneInfo(zone))
            yield (
                f"treasury {plan.treasury!r}: what it buys for {system!r} comes as a session ends, and is "
                f"taken away at once, {len(lost)} of {len(comes)} times, first on {first:%Y-%m-%d at %H:%M} "
                f"({zone}); let it come a minute later"
            )
