"""Who bounds what it sends, or holds it back, does so where and when payments are made one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sim.scenario.check.finding import Finding
from sim.scenario.check.hours import open_at
from sim.scenario.model.base import check_amount, nearest
from sim.scenario.model.network import Account
from sim.scenario.model.settlement import Clearing, Correspondent, Rtgs
from sim.scenario.topology import books, holders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from sim.scenario.model import Scenario

    Path: TypeAlias = tuple[str | int, ...]


def check_bounds(scenario: Scenario) -> Iterator[Finding]:
    """Limits, reservations, what is held back, and throughput rules that do not fit their systems."""
    kept, held = books(scenario), holders(scenario)
    for number, account in enumerate(scenario.accounts):
        if account.system in kept:
            yield from _limits(("accounts", number), account, held[account.system], scenario)
            yield from _holds(("accounts", number, "holds"), account, scenario)
    for name, system in scenario.systems.items():
        if not isinstance(system, Rtgs | Correspondent | Clearing):
            continue
        for number, point in enumerate(system.throughput):
            if not open_at(point.by, system.hours, scenario):
                path = ("systems", name, "throughput", number, "by")
                yield Finding(path, f"at {point.by} the system is closed")


def _limits(path: Path, account: Account, banks: set[str], scenario: Scenario) -> Iterator[Finding]:
    """Limits and reservations are an rtgs's, and limits are towards other `banks` that have accounts in it."""
    system, limits = scenario.systems[account.system], account.limits
    stated = [
        name
        for name in ("limits", "reserved")
        if getattr(account, name) != Account.model_fields[name].default
    ]
    if not isinstance(system, Rtgs):
        for name in stated:
            yield Finding((*path, name), f"{account.system!r} is no rtgs and does not know {name!r}")
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


def _holds(path: Path, account: Account, scenario: Scenario) -> Iterator[Finding]:
    """A bank holds back until a time at which it can send."""
    if account.holds is None:
        return
    system = scenario.systems[account.system]
    if not isinstance(system, Rtgs | Correspondent):
        message = f"{account.system!r} is no rtgs or correspondent system and does not know 'holds'"
        yield Finding(path, message)
    elif not open_at(account.holds.until, system.hours, scenario):
        yield Finding((*path, "until"), f"at {account.holds.until} the system is closed")
