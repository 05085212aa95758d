"""The payee's bank credits some payments without hands, at any time; the others wait for its office.

The plain model tells the same of each run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import assert_same_story
from builders import Order, by_hand, declare, instant, town, with_draws
from happened import run, when
from stays import spent

import sim
from sim.core.clock import DAY, HOUR, MINUTE
from sim.errors import ScenarioError
from sim.world.build import build_world

OFFICE = {"zone": "Europe/Minsk", "calendar": "belarus", "sessions": ["09:00-17:00"]}
POST = {
    "kind": "post",
    "work": {"kind": "fixed", "value": "2h"},
    "automatic": "0.4",
    "automatic_time": {"kind": "fixed", "value": "3min"},
}


def posted(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a scenario
    post = {**POST, **{key: more.pop(key) for key in list(more) if key in {"automatic_hours", "automatic"}}}
    banks = {bank: {"side": "town", "hours": OFFICE if bank == "b" else "always"} for bank in "ab"}
    routes = {"direct": {"steps": [{"kind": "settle", "system": "gross"}, post]}}
    return town({"a": "1000", "b": "0"}, banks=banks, routes=routes, **more)


def test_what_needs_no_hands_is_credited_at_night_and_the_rest_in_the_office() -> None:
    order = Order("2024-03-04 20:00", "a", "b", 1_00)
    world = by_hand(declare(posted()), order, order)
    draws = {"post/automatic": [0.3999, 0.4], "post/work": [0.0, 0.0], "post/automatic_time": [0.0, 0.0]}
    records, _ = assert_same_story(with_draws(world, draws))
    assert [when(int(at)) for at in records.credited_at] == ["2024-03-04 20:03:00", "2024-03-05 11:00:00"]
    assert spent(records, 0) == {"payee_bank": {"work": 3 * MINUTE}}
    assert spent(records, 1) == {"payee_bank": {"work": 2 * HOUR, "closed_hours": 13 * HOUR}}


def test_it_goes_on_in_its_hours_and_an_outage_of_the_bank_stops_it() -> None:
    timeline = [{"kind": "outage", "bank": "b", "from": "2024-03-04 19:00", "to": "2024-03-04 23:00"}]
    records = run(posted(timeline=timeline), Order("2024-03-04 20:00", "a", "b", 1_00))
    assert when(int(records.credited_at[0])) == "2024-03-04 23:03:00"
    assert spent(records) == {"payee_bank": {"work": 3 * MINUTE, "outage": 3 * HOUR}}
    hours = {"zone": "Europe/Minsk", "calendar": "always", "sessions": ["06:00-08:00"]}
    records = run(posted(automatic_hours=hours), Order("2024-03-04 20:00", "a", "b", 1_00))
    assert when(int(records.credited_at[0])) == "2024-03-05 06:03:00"
    assert spent(records) == {"payee_bank": {"work": 3 * MINUTE, "closed_hours": 10 * HOUR}}


def test_nothing_is_credited_by_a_bank_that_has_failed() -> None:
    timeline = [{"kind": "failed_bank", "bank": "b", "at": "2024-03-04 20:01"}]
    records = run(posted(timeline=timeline), Order("2024-03-04 20:00", "a", "b", 1_00))
    assert when(int(records.credited_at[0])) == "never"
    left = instant("2024-03-11 00:00") - instant("2024-03-04 20:01")
    assert spent(records) == {"payee_bank": {"work": MINUTE, "outage": left}}
    assert left > 6 * DAY


def test_a_larger_share_takes_in_further_payments_and_moves_no_other_draw() -> None:
    month = ["period.end=2024-02-01", "run_in=0d", "horizon=10d"]
    path = "routes.cny-to-china.steps.credit.automatic"
    chosen = []
    for share in ("0", "0.3", "0.6"):
        world = build_world(sim.load("baseline", [*month, f"{path}={share}"]))
        route = world.route_plans[list(world.routes).index("cny-to-china")]
        mine = world.payments.route == list(world.routes).index("cny-to-china")
        whether = route.steps[-1].whether.get("automatic", np.zeros(len(world.payments), dtype=np.bool_))
        chosen.append(whether[mine])
        assert whether[mine].mean() == pytest.approx(float(share), abs=0.04)
        assert np.array_equal(
            world.payments.draws["post/work"],
            build_world(sim.load("baseline", month)).payments.draws["post/work"],
        )
    assert not (chosen[1] & ~chosen[2]).any()


def test_without_a_time_it_is_refused() -> None:
    with pytest.raises(ScenarioError, match="'automatic_time'"):
        sim.load("baseline", ["routes.rub.steps.credit.automatic_time=null"])
