"""Engine and plain model agree where payments wait for analysts, come back and are instructed again."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from agreement import assert_agreement
from builders import Order, by_hand, declare, instant, scenarios, town, with_draws
from hypothesis import HealthCheck, given, settings
from oracle import tell

from sim.engine.run import simulate
from sim.scenario.model import Scenario
from sim.world.build import build_world

if TYPE_CHECKING:
    from oracle import Story

    from sim.engine.records import Records


def happened(story: Story) -> dict[str, bool]:
    """Whether a story is about anything that could go wrong."""
    waited = [r for r in story.reviews if r.began_at is not None and r.began_at > r.arrived_at]
    way_back = [t for t in story.transfers if t.back]
    return {
        "a case waited": bool(waited),
        "two waited at once": any(
            one.bank == other.bank and one.arrived_at < other.arrived_at < one.began_at
            for one in waited
            for other in waited
        ),
        "one was passed": any(
            one.bank == other.bank and one.arrived_at < other.arrived_at and other.began_at < one.began_at
            for one in waited
            for other in waited
        ),
        "money came back": any(t.settled_at is not None for t in way_back),
        "the way back waited for cover": any(t.settled_at != t.submitted_at for t in way_back),
        "a third attempt": any(payment.attempt > 2 for payment in story.payments),
        "arrived after a return": any(p.attempt > 1 and p.credited_at is not None for p in story.payments),
        "cancelled": any(payment.cancelled_at is not None for payment in story.payments),
        "still on its way back": any(p.sent_back and p.cancelled_at is None for p in story.payments),
        "sold back": bool(story.sold_back),
        "sent back from different steps": len({told.step for told in story.returns}) > 1,
    }


def test_engine_and_plain_model_agree_on_desks_and_returns() -> None:
    times: dict[str, list[bool]] = defaultdict(list)

    @settings(
        max_examples=120,
        derandomize=True,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(scenarios(most_payments=200, returning=True))
    def look(scenario: Scenario) -> None:
        world = build_world(scenario)
        story = tell(world)
        assert_agreement(world, simulate(world), story)
        for what, did in happened(story).items():
            times[what].append(did)

    look()
    shares = {what: float(np.mean(did)) for what, did in times.items()}
    raise AssertionError(shares)
