"""An account is kept by a system; who lends to its bank, or deals for it, needs the account and a price."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sim.scenario.check.timeline import open_at
from sim.scenario.model.base import check_amount, nearest
from sim.scenario.model.kinds import alternatives, kinds_that
from sim.scenario.model.network import Account
from sim.scenario.model.settlement import System, is_book
from sim.scenario.model.timeline import Liquidity, numbered
from sim.scenario.topology import book, books, deals_against, holders
from sim.scenario.tree import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from sim.scenario.model import Scenario
    from sim.scenario.model.settlement import Books

    Path: TypeAlias = tuple[str | int, ...]


def check_systems(scenario: Scenario) -> Iterator[Finding]:
    """Links and clearing accounts that do not fit together with what is declared of them."""
    kept = books(scenario)
    for name, system in scenario.systems.items():
        if system.linked:
            yield from _link(("systems", name, "legs"), system.linked, scenario)
        squared = system.squaring
        if squared and squared.settled_in not in (None, squared.currency) and scenario.fx is None:
            message = f"'fx' is needed to settle {squared.currency} in {squared.settled_in}"
            yield Finding(("systems", name, "settled_in"), message)
    for name, facility in scenario.facilities.items():
        if scenario.systems[facility.system].squares:
            message = (
                f"nobody lends in {facility.system!r}, whose accounts are positions within a swing limit"
            )
            yield Finding(("facilities", name, "system"), message)
    for number, entry in numbered(scenario.timeline, Liquidity):
        if scenario.systems[entry.system].squares:
            message = f"{entry.system!r} is a clearing account, to which nobody brings money"
            yield Finding(("timeline", number, "system"), message)
    for number, account in enumerate(scenario.accounts):
        if account.system not in kept:
            message = f"{account.system!r} is a link and keeps no accounts; declare them in its legs"
            yield Finding(("accounts", number, "system"), message)


def _link(path: tuple[str | int, ...], linked: Sequence[str], scenario: Scenario) -> Iterator[Finding]:
    """Two systems of two currencies in which money moves at any instant."""
    declared = [scenario.systems[leg] for leg in linked]
    for number, (name, leg) in enumerate(zip(linked, declared, strict=True)):
        if not leg.may_be_leg:
            known = alternatives(kinds_that(System, "may_be_leg"))
            yield Finding((*path, number), f"{name!r} is no {known} system")
    currencies = [leg.currency for leg in declared if is_book(leg)]
    if len(currencies) == len(declared) and currencies[0] == currencies[1]:
        yield Finding(path, f"both legs settle {currencies[0]}; a link joins two currencies")


def check_accounts(scenario: Scenario) -> Iterator[Finding]:
    """Accounts that are declared twice, or that their systems do not keep."""
    seen: set[tuple[str, str]] = set()
    kept = books(scenario)
    servicers = {(account.servicer, account.system) for account in scenario.accounts}
    for number, account in enumerate(scenario.accounts):
        path = ("accounts", number)
        if (account.holder, account.system) in seen:
            yield Finding((*path, "holder"), f"a second account of {account.holder!r} in {account.system!r}")
        seen.add((account.holder, account.system))
        if (account.holder, account.system) in servicers:
            yield Finding(
                (*path, "holder"), f"{account.holder!r} keeps accounts in {account.system!r} itself"
            )
        if scenario.banks:
            yield from _known_bank((*path, "holder"), account.holder, scenario)
        if account.system in kept:
            yield from _servicer(path, account, scenario)
            yield from _position(path, account, scenario)


def check_funding(scenario: Scenario) -> Iterator[Finding]:
    """An account is funded from one in another system of its currency, which is not funded itself."""
    kept, held = books(scenario), holders(scenario)
    funded = {
        (account.holder, account.system) for account in scenario.accounts if account.funding is not None
    }
    for number, account in enumerate(scenario.accounts):
        stated = account.funding
        if stated is None or account.system not in kept:
            continue
        path = ("accounts", number, "funding")
        source, known = stated.through or account.holder, held.get(stated.from_, set())
        for system, where in ((account.system, path), (stated.from_, (*path, "from"))):
            if not scenario.systems[system].central:
                yield Finding(where, f"{system!r} has no operator that moves money for funding")
                break
        else:
            own, other = kept[account.system].currency, kept[stated.from_].currency
            if stated.from_ == account.system:
                yield Finding((*path, "from"), "an account is funded from another system than its own")
            elif own != other:
                message = f"{stated.from_!r} settles {other}, and {account.system!r} settles {own}"
                yield Finding((*path, "from"), message)
            elif source not in known:
                place = (*path, "from" if stated.through is None else "through")
                message = f"{source!r} has no account in {stated.from_!r}"
                yield Finding(place, message, nearest(source, known) if stated.through else None)
            elif (source, stated.from_) in funded:
                message = f"the account of {source!r} in {stated.from_!r} is funded itself"
                yield Finding((*path, "from"), message)


def _position(path: tuple[str | int, ...], account: Account, scenario: Scenario) -> Iterator[Finding]:
    """A position in a clearing account begins at zero, and nobody brings money to it."""
    if scenario.systems[account.system].squares:
        stated = {
            "balance": account.balance,
            "credit": account.credit,
            "prefund_days": account.prefund_days,
            "treasury": account.treasury,
            "intraday_credit": account.intraday_credit,
        }
        for key, value in stated.items():
            if value:
                yield Finding(
                    (*path, key), f"an account in {account.system!r} is a position, which begins at zero"
                )


def _servicer(path: tuple[str | int, ...], account: Account, scenario: Scenario) -> Iterator[Finding]:
    if scenario.systems[account.system].serviced:
        if account.servicer is None:
            yield Finding(path, "an account in a correspondent system needs a 'servicer'")
        elif scenario.banks:
            yield from _known_bank((*path, "servicer"), account.servicer, scenario)
    elif account.servicer is not None:
        yield Finding((*path, "servicer"), f"{account.system!r} is no correspondent system")


def _known_bank(path: tuple[str | int, ...], bank: str, scenario: Scenario) -> Iterator[Finding]:
    if bank not in scenario.banks:
        yield Finding(path, f"{bank!r} is not declared under 'banks'", nearest(bank, set(scenario.banks)))


def check_deliveries(scenario: Scenario) -> Iterator[Finding]:
    """Money that the timeline brings comes to accounts."""
    held = {(account.holder, account.system) for account in scenario.accounts}
    for number, entry in numbered(scenario.timeline, Liquidity):
        if (entry.holder, entry.system) not in held:
            path = ("timeline", number, "holder")
            holders = {holder for holder, system in held if system == entry.system}
            message = f"{entry.holder!r} has no account in {entry.system!r}"
            yield Finding(path, message, nearest(entry.holder, holders))


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
        for keys, bank in facility.drawers():
            path = ("facilities", name, *keys)
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


def check_bounds(scenario: Scenario) -> Iterator[Finding]:
    """Limits, reservations, what is held back, and throughput rules that do not fit their systems."""
    kept, held = books(scenario), holders(scenario)
    for number, account in enumerate(scenario.accounts):
        if account.system in kept:
            yield from _limits(("accounts", number), account, held[account.system], kept[account.system])
            yield from _holds(("accounts", number, "holds"), account, kept[account.system], scenario)
    for name, system in kept.items():
        for number, point in enumerate(system.rule):
            if not open_at(point.by, system.hours, scenario):
                path = ("systems", name, "throughput", number, "by")
                yield Finding(path, f"at {point.by} the system is closed")


def _limits(path: Path, account: Account, banks: set[str], system: Books) -> Iterator[Finding]:
    """Limits and reservations are known to some kinds of system only; limits are towards other `banks` in it."""
    limits = account.limits
    stated = [
        name
        for name in ("limits", "reserved")
        if getattr(account, name) != Account.model_fields[name].default
    ]
    if not system.takes_limits:
        known = alternatives(kinds_that(System, "takes_limits"))
        for name in stated:
            yield Finding((*path, name), f"{account.system!r} is no {known} and does not know {name!r}")
        return
    for bank in limits.bilateral:
        where = (*path, "limits", "bilateral", bank)
        if bank == account.holder:
            yield Finding(where, f"{bank!r} cannot limit what it sends to itself")
        elif bank not in banks:
            hint = nearest(bank, banks - {account.holder})
            yield Finding(where, f"{bank!r} has no account in {account.system!r}", hint)
    amounts: dict[tuple[str, ...], Decimal] = {
        ("bilateral", bank): amount for bank, amount in limits.bilateral.items()
    }
    if limits.multilateral is not None:
        amounts["multilateral",] = limits.multilateral
    for key, amount in amounts.items():
        try:
            check_amount(amount, system.currency)
        except ValueError as error:
            yield Finding((*path, "limits", *key), str(error))


def _holds(path: Path, account: Account, system: Books, scenario: Scenario) -> Iterator[Finding]:
    """A bank holds back until a time at which it can send."""
    if account.holds is None:
        return
    if not system.takes_holds:
        known = alternatives(kinds_that(System, "takes_holds"))
        message = f"{account.system!r} is no {known} system and does not know 'holds'"
        yield Finding(path, message)
    elif not open_at(account.holds.until, system.hours, scenario):
        yield Finding((*path, "until"), f"at {account.holds.until} the system is closed")
