"""Who bounds what it sends, or holds it back, does so where and when payments are made one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sim.scenario.check.finding import Finding, alternatives
from sim.scenario.check.hours import open_at
from sim.scenario.model.base import check_amount, nearest
from sim.scenario.model.kinds import kinds_that
from sim.scenario.model.network import Account
from sim.scenario.model.settlement import System
from sim.scenario.topology import books, holders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from sim.scenario.model import Scenario
    from sim.scenario.model.settlement import Books

    Path: TypeAlias = tuple[str | int, ...]


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
