"""Who lends to a bank, or deals for it, needs an account of the bank to bring the money to, and a price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scenario.check.finding import Finding
from sim.scenario.model.base import nearest
from sim.scenario.topology import book, deals_against, holders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Account


def check_liquidity(scenario: Scenario) -> Iterator[Finding]:
    """Facilities and treasuries that do not fit the accounts and markets of a scenario."""
    yield from _facilities(scenario)
    told: set[Finding] = set()
    for number, account in enumerate(scenario.accounts):
        for finding in _deals(("accounts", number, "treasury"), account, scenario):
            if finding not in told:
                told.add(finding)
                yield finding


def _facilities(scenario: Scenario) -> Iterator[Finding]:
    held = holders(scenario)
    for name, facility in scenario.facilities.items():
        known, seen = held.get(facility.system, set()), set[str]()
        key = "collateral" if facility.kind == "repo" else "banks"
        for place, bank in enumerate(facility.banks):
            path = ("facilities", name, key, bank if facility.kind == "repo" else place)
            if bank not in known:
                message = f"{bank!r} has no account in {facility.system!r}"
                yield Finding(path, message, nearest(bank, known))
            elif bank in seen:
                yield Finding(path, f"{bank!r} stands here a second time")
            seen.add(bank)


def _deals(path: tuple[str | int, ...], account: Account, scenario: Scenario) -> Iterator[Finding]:
    """A treasury with a market needs rates, a currency to pay with, and a pair of the two."""
    treasury = None if account.treasury is None else scenario.treasuries[account.treasury]
    if account.treasury is None or treasury is None or treasury.market is None:
        return
    if scenario.fx is None:
        yield Finding(("treasuries", account.treasury, "market"), "a market needs 'fx'")
        return
    against = deals_against(scenario, account)
    if against is None:
        message = f"{account.holder!r} is on no side; state what the treasury deals 'against'"
        yield Finding(("treasuries", account.treasury, "market"), message)
        return
    system = book(scenario, account.system)
    if system is None:
        return  # told of the account
    currency = system.currency
    pairs = [sorted(pair.split("/")) for pair in scenario.markets[treasury.market].pairs]
    if sorted((currency, against)) not in pairs:
        message = (
            f"{treasury.market!r}, where {account.treasury!r} deals, does not trade {currency}/{against}"
        )
        yield Finding(path, message)
