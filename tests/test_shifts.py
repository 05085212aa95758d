"""Liquidity that is granted lets payments go, and what is withdrawn is only what is there."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Order, by_hand, declare, instant, town
from stays import seconds

from sim.core.clock import HOUR, NEVER
from sim.engine.run import simulate
from sim.scenario.check import check
from sim.scenario.model import Scenario


def shift(at: str, amount: str, holder: str = "a") -> dict[str, Any]:
    return {"kind": "liquidity", "at": at, "holder": holder, "system": "gross", "amount": amount}


def office_town(*timeline: dict[str, Any]) -> dict[str, Any]:
    office = {"zone": "Europe/Minsk", "calendar": "belarus", "sessions": ["09:00-17:00"]}
    return town(
        {"a": "5", "b": "0"},
        hours={"office": office},
        systems={"gross": {"kind": "rtgs", "currency": "CNY", "hours": "office"}},
        timeline=list(timeline),
    )


def test_what_is_granted_settles_what_waits_at_once_or_at_the_next_opening() -> None:
    world = by_hand(
        declare(office_town(shift("2024-03-05 11:00", "6"), shift("2024-03-05 20:00", "100"))),
        Order("2024-03-05 10:00", "a", "b", 1_000),
        Order("2024-03-05 12:00", "a", "b", 1_000),
    )
    records = simulate(world)
    assert records.settled_at.tolist() == [instant("2024-03-05 11:00"), instant("2024-03-06 09:00")]
    assert seconds(records, "liquidity")[0] == HOUR
    assert list(zip(*(column.tolist() for column in records.shifts), strict=True)) == [
        (instant("2024-03-05 11:00"), 0, 600, 600),
        (instant("2024-03-06 09:00"), 0, 10_000, 10_000),
    ]


def test_no_more_is_withdrawn_than_the_account_covers() -> None:
    declared = office_town(shift("2024-03-05 11:00", "-3"), shift("2024-03-05 12:00", "-30"))
    declared["accounts"][0]["credit"] = "1"
    records = simulate(by_hand(declare(declared), Order("2024-03-05 13:00", "a", "b", 1)))
    assert records.shifts.moved.tolist() == [-300, -300]
    assert records.closing.tolist() == [-100, 0, 600]
    assert records.settled_at.tolist() == [NEVER]


@pytest.mark.parametrize(
    ("timeline", "path", "complaint"),
    [
        ([shift("2024-03-05 11:00", "1", "c")], (0, "holder"), "'c' has no account in 'gross'"),
        ([shift("2024-03-15 11:00", "1")], (0, "at"), "outside of the run"),
        ([shift("2024-03-05 11:00", "1"), shift("2024-03-05 11:00", "2")], (1, "at"), "changed by entry 0"),
    ],
)
def test_liquidity_for_nobody_or_never_is_refused(
    timeline: list[dict[str, Any]], path: tuple[int, str], complaint: str
) -> None:
    (found,) = check(Scenario.model_validate(office_town(*timeline)))
    assert found.path == ("timeline", *path)
    assert complaint in found.message
