"""What is drawn for one thing does not depend on what else there is."""

from __future__ import annotations

from typing import Any

import numpy as np
from builders import (
    AT_ONCE,
    declare,
    firm,
    town,
)

from sim.world.build import build_world
from sim.world.world import DrawnWorld


def trading(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a scenario
    flow = {
        "payer": "a",
        "payee": "b",
        "value": 1_000_000,
        "currency": "CNY",
        "invoice": {"kind": "lognormal", "median": 500, "sigma": 1},
        "invoicing": {"CNY": 1},
        "terms": {"soon": {"share": 1, "days": [0, 5]}},
    }
    return town(
        {"a": "1000", "b": "0", "c": "500"}, flows={"one": flow, "two": {**flow, "payer": "b"}}, **changes
    )


def drawn(world: DrawnWorld, flow: str) -> list[list[object]]:
    """Every obligation of a flow, and what was drawn for its payment."""
    number = list(world.scenario.flows).index(flow)
    obligations, payments = world.obligations, world.payments
    labels = np.array(world.firms.labels)
    mine = obligations.flow == number
    paying = np.isin(payments.obligation, np.flatnonzero(mine))
    columns = [
        obligations.draw, obligations.amount, obligations.invoiced_at, obligations.due_at,
        labels[obligations.payer], labels[obligations.payee],
    ]  # fmt: skip
    drawn = [payments.draws[name] for name in sorted(payments.draws) if name == "post/work"]
    return [column[mine].tolist() for column in columns] + [
        column[paying].tolist() for column in [*drawn, payments.amount, payments.instructed_at]
    ]


def test_another_firm_group_flow_or_route_leaves_a_flow_as_it_was() -> None:
    before = trading()
    after = trading()
    reviewed = [{"kind": "screen", "at": "payee_bank", "probability": "0.5", "work": AT_ONCE}]
    after["routes"] = {
        "reviewed": {
            "carries": {"currencies": ["RUB"]},
            "steps": reviewed + before["routes"]["direct"]["steps"],
        },
        **before["routes"],
    }
    after["firms"] = {"newcomers": firm("town", "c", 20), **before["firms"]}
    new = {**before["flows"]["one"], "payer": "newcomers", "terms": {"now": {"share": 1, "days": [0, 0]}}}
    after["flows"] = {"new": new, **before["flows"]}
    one, other = build_world(declare(before)), build_world(declare(after))
    assert len(drawn(one, "one")[0]) > 10
    for flow in ("one", "two"):
        assert drawn(one, flow) == drawn(other, flow)


def test_the_same_seed_draws_the_same_world_and_another_seed_another() -> None:
    one, again, other = (build_world(declare(trading(seed=seed))) for seed in (1, 1, 2))
    replicated = build_world(declare(trading(seed=1)), replication=1)
    assert drawn(one, "one") == drawn(again, "one")
    assert drawn(one, "one") != drawn(other, "one")
    assert drawn(one, "one") != drawn(replicated, "one")
