"""A treasury looks at its accounts in one system at stated times, and deals with the market to fund them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sim.core.currency import to_minor
from sim.scenario.topology import books, deals_against

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.hours import OpeningHours
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Account, Treasury
    from sim.world.accounts import Accounts
    from sim.world.timing import Openings


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
    systems = list(scenario.systems)
    for (name, system, against), group in cared.items():
        treasury, currency = scenario.treasuries[name], books(scenario)[system].currency
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
