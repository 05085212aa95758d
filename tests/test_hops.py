"""A payment that waited somewhere comes late to where it goes next."""

from __future__ import annotations

from typing import Any

from builders import (
    POST,
    Order,
    accounts,
    firm,
    town,
)
from happened import paid, run, settled
from stays import seconds

from sim.core.clock import HOUR


def in_two_hops(
    nostro: dict[str, str],
    gross: dict[str, str],
    *between: dict[str, Any],
    **changes: Any,  # noqa: ANN401 - sections
) -> dict[str, Any]:
    """From the payer to its agent in the agent's books, from there to the payee in another system."""
    there = [
        {"kind": "settle", "system": "nostro", "credit": "payer_correspondent"},
        *between,
        {"kind": "settle", "system": "gross", "debit": "payer_correspondent"},
    ]
    return town(
        nostro | gross,
        **{
            "systems": {
                "nostro": {"kind": "correspondent", "currency": "CNY", "hours": "always"},
                "gross": {"kind": "rtgs", "currency": "CNY", "hours": "always"},
            },
            "accounts": [*accounts(nostro, "nostro", servicer="agent"), *accounts(gross)],
            "routes": {
                "direct": {"steps": [*there, POST]},
                "in-books": {"steps": [{"kind": "settle", "system": "nostro"}, POST]},
                "in-gross": {"steps": [{"kind": "settle", "system": "gross"}, POST]},
            },
            **changes,
        },
    )


def test_a_payment_that_waited_reaches_its_next_system_late() -> None:
    message = {"kind": "message", "time": {"kind": "fixed", "value": "2h"}}
    records = run(
        in_two_hops({"a": "0", "b": "100"}, {"agent": "100", "c": "0"}, message),
        Order("2024-03-04 10:00", "a", "c", 100_00),
        Order("2024-03-04 15:00", "b", "a", 100_00, "in-books"),
    )
    assert settled(records)[0] == "2024-03-04 17:00:00"
    assert paid(records) == [1, 0, 0]
    assert seconds(records, "liquidity")[0] == 5 * HOUR
    assert seconds(records, "work")[0] == 2 * HOUR


def test_a_payment_that_waited_in_its_first_system_is_late_in_its_third() -> None:
    scenario = in_two_hops({"a": "0", "b": "100"}, {"agent": "0", "broker": "100"})
    scenario["accounts"] += accounts({"c": "0"}, "nostro", servicer="broker")
    scenario["banks"]["c"], scenario["firms"]["c"] = scenario["banks"]["a"], firm("town", "c")
    hops = [
        {"kind": "settle", "system": "nostro", "credit": "payer_correspondent"},
        {
            "kind": "settle",
            "system": "gross",
            "debit": "payer_correspondent",
            "credit": "payee_correspondent",
        },
        {"kind": "settle", "system": "nostro", "debit": "payee_correspondent"},
    ]
    scenario["routes"]["across"] = {"steps": [*hops, POST]}
    records = run(
        scenario,
        Order("2024-03-04 10:00", "a", "c", 100_00, "across"),
        Order("2024-03-04 15:00", "b", "a", 100_00, "in-books"),
        Order("2024-03-04 18:00", "broker", "agent", 100_00, "in-gross"),
    )
    assert paid(records) == [1, 0, 2, 0, 0]
    assert settled(records)[0] == "2024-03-04 18:00:00"


def test_the_next_system_may_have_closed_while_a_payment_waited() -> None:
    office = {"zone": "Europe/Minsk", "sessions": ["09:00-12:00"]}
    systems = {
        "nostro": {"kind": "correspondent", "currency": "CNY", "hours": "always"},
        "gross": {"kind": "rtgs", "currency": "CNY", "hours": office},
    }
    records = run(
        in_two_hops({"a": "0", "b": "100"}, {"agent": "100", "c": "0"}, systems=systems),
        Order("2024-03-04 10:00", "a", "c", 100_00),
        Order("2024-03-04 15:00", "b", "a", 100_00, "in-books"),
    )
    assert settled(records)[0] == "2024-03-05 09:00:00"
    assert seconds(records, "liquidity")[0] == 5 * HOUR
    assert seconds(records, "closed_hours")[0] == 18 * HOUR


def test_a_payment_freed_at_the_instant_of_both_its_hops_settles_once_in_each() -> None:
    records = run(
        in_two_hops({"a": "0", "b": "100"}, {"agent": "300", "c": "0"}),
        Order("2024-03-04 10:00", "a", "c", 100_00),
        Order("2024-03-04 10:00", "b", "a", 100_00, "in-books"),
    )
    assert paid(records) == [1, 0, 0]
    assert settled(records) == ["2024-03-04 10:00:00"] * 2
    assert records.closing.sum() == 400_00


def test_a_freed_payment_takes_its_place_by_number_in_its_next_system() -> None:
    records = run(
        in_two_hops({"a": "0", "b": "100"}, {"agent": "100", "c": "0", "d": "0"}),
        Order("2024-03-04 10:00", "a", "c", 100_00),
        Order("2024-03-04 10:00", "b", "a", 100_00, "in-books"),
        Order("2024-03-04 10:00", "agent", "d", 100_00, "in-gross"),
    )
    assert paid(records) == [1, 0, 0]
    assert settled(records)[2] == "never"


def test_a_payment_between_clients_of_one_bank_needs_no_system() -> None:
    night = {"zone": "Europe/Minsk", "sessions": ["01:00-02:00"]}
    records = run(
        town({"a": "0"}, systems={"gross": {"kind": "rtgs", "currency": "CNY", "hours": night}}),
        Order("2024-03-04 10:00", "a", "a", 100_00),
    )
    assert settled(records) == ["2024-03-04 10:00:00"]
    assert paid(records) == []
