"""What happened in a run, in words of its records, and runs by hand that the plain model must tell alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agreement import assert_agreement
from builders import (
    MINSK,
    Order,
    by_hand,
    declare,
)
from oracle import tell

from sim.core.clock import NEVER
from sim.engine.run import simulate

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sim.engine.records import Records


def paid(records: Records) -> list[int]:
    """Numbers of the payments in the order in which they settled, −1 for what a treasury moved."""
    return records.journal.payment.tolist()


def when(at: int, zone: ZoneInfo = MINSK) -> str:
    return "never" if at == NEVER else f"{datetime.fromtimestamp(at, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def settled(records: Records, zone: ZoneInfo = MINSK) -> list[str]:
    return [when(at, zone) for at in records.settled_at.tolist()]


def run(scenario: dict[str, Any], *orders: Order, zone: ZoneInfo = MINSK) -> Records:
    """What happens if these orders are given; the plain model must say the same."""
    world = by_hand(declare(scenario), *orders, zone=zone)
    records = simulate(world)
    assert_agreement(world, records, tell(world))
    return records
