"""A payment whose way is closed takes another one that the scenario lists, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders import POST, Order, accounts, by_hand, declare, instant, town

from sim.engine.run import simulate
from sim.scenario.check import check
from sim.scenario.load import load
from sim.scenario.model import Scenario
from sim.world.build import build_world
from sim.world.routing import divert

if TYPE_CHECKING:
    from sim.world.world import DrawnWorld

CLOSED = {
    "kind": "closed_route",
    "route": "direct",
    "from": "2024-03-05 00:00",
    "to": "2024-03-06 12:00",
    "fallback": ["second", "third"],
}


def settle(system: str, **roles: str) -> dict[str, Any]:
    return {"kind": "settle", "system": system, **roles}


def crossroads(*timeline: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a scenario
    """Three systems, one route over each; two of the routes are taken by nobody unless they have to."""
    systems = ("gross", "other", "spare")
    return town(
        {"a": "100", "b": "0"},
        systems={name: {"kind": "rtgs", "currency": "CNY", "hours": "always"} for name in systems},
        accounts=[account for name in systems for account in accounts({"a": "100", "b": "0"}, name)],
        routes={
            "direct": {"steps": [settle("gross"), POST]},
            "second": {"weight": 0, "steps": [settle("other"), POST]},
            "third": {"weight": 0, "steps": [settle("spare"), POST]},
        },
        timeline=list(timeline),
        **changes,
    )


def taken(world: DrawnWorld) -> list[str]:
    sides = np.zeros(len(world.payments), dtype=np.int64)
    routes = divert(
        world.scenario,
        world.payments,
        world.network.banks,
        (sides, sides),
        world.fx,
        world.openings.timeline,
    )
    return [list(world.routes)[number] for number in routes]


def test_payments_instructed_while_a_route_is_closed_take_the_first_that_is_listed() -> None:
    world = by_hand(
        declare(crossroads(CLOSED)),
        Order("2024-03-04 23:59", "a", "b", 1),
        Order("2024-03-05 00:00", "a", "b", 1),
        Order("2024-03-06 11:59", "a", "b", 1),
        Order("2024-03-06 12:00", "a", "b", 1),
        Order("2024-03-05 12:00", "a", "b", 1, route="third"),
    )
    assert taken(world) == ["direct", "second", "third", "second", "direct"]


def test_a_route_that_a_payment_cannot_pass_is_passed_over() -> None:
    declared = crossroads(CLOSED)
    declared["accounts"] = [
        account
        for account in declared["accounts"]
        if (account["holder"], account["system"]) != ("b", "other")
    ]
    world = by_hand(declare(declared), Order("2024-03-05 10:00", "a", "b", 1))
    assert taken(world) == ["third"]


def test_by_weight_the_draw_that_chose_the_route_chooses_the_other_one() -> None:
    declared = crossroads({**CLOSED, "choice": "weight"})
    declared["routes"]["second"]["weight"], declared["routes"]["third"]["weight"] = "1", "3"
    world = by_hand(
        declare(declared), *(Order(f"2024-03-05 {hour:02}:00", "a", "b", 1) for hour in range(10))
    )
    world.payments.draws["route"][:] = np.linspace(0.01, 0.91, 10)
    assert taken(world) == ["second"] * 3 + ["third"] * 7


def test_a_lost_correspondent_closes_the_ways_through_its_books_only() -> None:
    lost = {"kind": "lost_correspondent", "bank": "c", "from": "2024-03-05 00:00", "fallback": ["second"]}
    declared = town(
        {"a": "100", "b": "100", "c": "0", "d": "0"},
        timeline=[lost],
        systems={
            "gross": {"kind": "rtgs", "currency": "CNY", "hours": "always"},
            "books": {"kind": "correspondent", "currency": "CNY", "hours": "always"},
            "spare": {"kind": "correspondent", "currency": "CNY", "hours": "always"},
        },
        accounts=[
            *accounts({"c": "0", "d": "0"}),
            {"holder": "a", "system": "books", "servicer": "c", "balance": 100},
            {"holder": "b", "system": "books", "servicer": "d", "balance": 100},
            *({"holder": bank, "system": "spare", "servicer": "d", "balance": 100} for bank in "ab"),
        ],
        routes={
            name: {
                "weight": weight,
                "steps": [
                    settle(books, credit="payer_correspondent"),
                    settle("gross", debit="payer_correspondent"),
                    POST,
                ],
            }
            for name, books, weight in (("direct", "books", 1), ("second", "spare", 0))
        },
    )
    world = by_hand(
        declare(declared),
        Order("2024-03-04 10:00", "a", "d", 1),
        Order("2024-03-05 10:00", "a", "d", 1),
        Order("2024-03-05 10:00", "b", "c", 1),
    )
    assert taken(world) == ["direct", "second", "direct"]


def closed_baseline() -> tuple[Scenario, Scenario]:
    usual = load("baseline", ["period.end=2024-02-01 00:00", "run_in=10d", "horizon=20d"])
    tree = usual.model_dump(by_alias=True)
    # Dollars over roubles' books would be nonsense; a second road over the same accounts is enough here.
    tree["routes"] = {**tree["routes"], "usd-slow": {**tree["routes"]["usd"], "weight": 0}}
    usual = Scenario.model_validate(tree)
    closed = {
        "kind": "closed_route",
        "route": "usd",
        "from": "2024-01-08 00:00",
        "to": "2024-01-12 00:00",
        "fallback": ["usd-slow"],
    }
    return usual, Scenario.model_validate({**tree, "timeline": [closed]})


def test_a_closed_route_moves_no_draw_no_rate_and_no_balance() -> None:
    usual, closed = closed_baseline()
    assert not list(check(closed))
    one, other = build_world(usual), build_world(closed)
    for column in type(one.obligations).__slots__:
        assert getattr(one.obligations, column).tobytes() == getattr(other.obligations, column).tobytes()
    assert one.fx.per_usd.tobytes() == other.fx.per_usd.tobytes()
    assert one.network.accounts.opening.tobytes() == other.network.accounts.opening.tobytes()
    for name, column in one.payments.draws.items():
        assert column.tobytes() == other.payments.draws[name].tobytes()
    usd, slow = list(other.routes).index("usd"), list(other.routes).index("usd-slow")
    at = one.payments.instructed_at
    inside = (at >= instant("2024-01-08 00:00")) & (at < instant("2024-01-12 00:00"))
    moved = one.payments.route != other.payments.route
    assert moved.sum() > 20
    assert (moved == (inside & (one.payments.route == usd))).all()
    assert (other.payments.route[moved] == slow).all()
    # The other road is the same in all but name.
    assert simulate(one).credited_at.tobytes() == simulate(other).credited_at.tobytes()


def test_a_jump_moves_one_rate_from_its_day_on_and_every_cross_with_it() -> None:
    usual = load("baseline", ["period.end=2024-02-01 00:00", "run_in=10d", "horizon=20d"])
    jump = {"kind": "rate_jump", "at": "2024-01-15 00:00", "currency": "RUB", "size": "0.25"}
    jumped = Scenario.model_validate({**usual.model_dump(by_alias=True), "timeline": [jump]})
    assert not list(check(jumped))
    one, other = build_world(usual).fx, build_world(jumped).fx
    rub = one.index("RUB")
    after = one.day_starts >= instant("2024-01-15 00:00")
    ratio = other.per_usd / one.per_usd
    assert ratio[after, rub] == pytest.approx(1.25)
    ratio[after, rub] = 1
    assert (ratio == 1).all()
    cny = one.index("CNY")
    eve, day = instant("2024-01-14 23:59"), instant("2024-01-15 00:00")
    assert other.mid(rub, cny, eve) == one.mid(rub, cny, eve)
    assert other.mid(rub, cny, day) == pytest.approx(one.mid(rub, cny, day) / 1.25)


@pytest.mark.parametrize(
    ("timeline", "path", "complaint"),
    [
        ([{**CLOSED, "fallback": ["direct"]}], (0, "fallback"), "none of these routes can carry CNY"),
        (
            [CLOSED, {**CLOSED, "route": "second", "fallback": ["third"]}],
            (1, "from"),
            "the way over 'second' is changed by entry 0",
        ),
        (
            [CLOSED, {**CLOSED, "from": "2024-03-06 00:00"}],
            (1, "from"),
            "the way over 'direct' is changed by entry 0",
        ),
        ([{**CLOSED, "choice": "weight"}], (0, "fallback"), "none of these routes can carry CNY"),
        (
            [{"kind": "rate_jump", "at": "2025-01-01 00:00", "currency": "BYN", "size": 1}],
            (0, "at"),
            "outside of the run",
        ),
    ],
)
def test_closures_that_lead_nowhere_are_refused(
    timeline: list[dict[str, Any]], path: tuple[int, str], complaint: str
) -> None:
    flow = {
        "payer": "a",
        "payee": "b",
        "value": 1000,
        "currency": "CNY",
        "invoice": {"kind": "fixed", "value": 1},
        "invoicing": {"CNY": 1},
        "terms": {"only": {"share": 1, "days": [0, 0]}},
    }
    found = list(check(Scenario.model_validate(crossroads(*timeline, flows={"trade": flow}))))
    assert [finding.path for finding in found] == [("timeline", *path)]
    assert complaint in found[0].message
