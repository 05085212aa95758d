"""Engine and plain model agree where payments wait for analysts, come back and are instructed again."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from agreement import assert_agreement
from builders import POST, Order, by_hand, declare, instant, town, with_draws
from hypothesis import given
from oracle import tell
from strategies import scenarios

from sim.core.clock import NEVER
from sim.engine.run import simulate
from sim.world.build import build_world

if TYPE_CHECKING:
    from oracle import Story

    from sim.engine.records import Records
    from sim.scenario.model import Scenario

pytestmark = pytest.mark.quick


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


@pytest.mark.hypothesis
def test_engine_and_plain_model_agree_on_desks_and_returns() -> None:
    times: dict[str, list[bool]] = defaultdict(list)

    @given(scenarios(most_payments=200, returning=True))
    def look(scenario: Scenario) -> None:
        world = build_world(scenario)
        story = tell(world)
        assert_agreement(world, simulate(world), story)
        for what, did in happened(story).items():
            times[what].append(did)

    look()
    shares = {what: np.mean(did) for what, did in times.items()}
    # What is drawn depends on all that is imported, and the quick profile draws a score: 0.19 to 0.36 were seen.
    assert np.mean([share > 0 for share in shares.values()]) > 0.7, shares
    assert np.mean(list(shares.values())) > 0.1, shares


# Cases small enough to follow.


def twice_reviewed(**screen: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a declaration
    """A town where a review of two hours comes before the settlement and another one after it, at the payee's bank.

    What is sent back goes its way a day later, and is corrected in three hours.
    """
    step = {
        "kind": "screen",
        "at": "payee_bank",
        "probability": "1",
        "work": {"kind": "fixed", "value": "2h"},
        "return_probability": "0.5",
        "return_after": {"kind": "fixed", "value": "1d"},
        "correction": {"kind": "fixed", "value": "3h"},
        "attempts": 3,
        **screen,
    }
    steps = [step, {"kind": "settle", "system": "gross"}, step]
    return town({"a": "100", "b": "0"}, routes={"direct": {"steps": [*steps, POST]}})


def run(scenario: dict[str, Any], draws: dict[str, list[float]], *orders: Order) -> Records:
    """What happens if these orders are given and so much is drawn (0 for a name not stated); both must agree."""
    world = with_draws(by_hand(declare(scenario), *orders), draws)
    records = simulate(world)
    assert_agreement(world, records, tell(world, draws))
    return records


def test_a_payment_may_be_sent_back_by_one_review_after_the_other() -> None:
    first, second = "screen/payee_bank/return", "screen/payee_bank/return/2"
    draws = {
        first: [0.9],
        second: [0.1],
        f"{first}/attempt-2": [0.1],
        f"{first}/attempt-3": [0.9],
        f"{second}/attempt-3": [0.9],
    }
    records = run(twice_reviewed(), draws, Order("2024-03-04 10:00", "a", "b", 100_00))
    # Four hours and a day there and back, three of correction; two and a day, and three; four.
    assert records.returns.step.tolist() == [2, 0]
    assert records.returns.instructed_again_at.tolist() == [
        instant("2024-03-05 17:00"), instant("2024-03-06 22:00"),
    ]  # fmt: skip
    assert records.attempts.tolist() == [3]
    assert records.instructed_at.tolist() == [instant("2024-03-06 22:00")]
    assert records.credited_at.tolist() == [instant("2024-03-07 02:00")]


def test_at_one_instant_an_older_payment_goes_first_whichever_attempt_it_is() -> None:
    # The first payment is instructed again at 17:00 on the 5th; the second one comes then, and money is there for one.
    first, second = "screen/payee_bank/return", "screen/payee_bank/return/2"
    draws = {
        first: [0.9, 0.9],
        second: [0.1, 0.9],
        f"{first}/attempt-2": [0.9, 0.9],
        f"{second}/attempt-2": [0.9, 0.9],
    }
    older, younger = (
        Order("2024-03-04 10:00", "a", "b", 100_00),
        Order("2024-03-05 17:00", "a", "b", 100_00),
    )
    records = run(twice_reviewed(), draws, older, younger)
    assert records.settled_at.tolist() == [instant("2024-03-05 19:00"), NEVER]


@pytest.mark.parametrize(("failed_at", "cancelled"), [("11:00", False), ("23:00", True)])
def test_what_a_review_sends_back_does_not_go_back_to_or_from_a_failed_bank(
    failed_at: str, *, cancelled: bool
) -> None:
    # Nothing has moved, and the money would be back as soon as its way begins, an hour after the review.
    scenario = twice_reviewed(at="payer_bank", attempts=1, return_after={"kind": "fixed", "value": "1h"})
    scenario["timeline"] = [{"kind": "failed_bank", "bank": "b", "at": f"2024-03-04 {failed_at}"}]
    scenario["period"]["zone"] = "Europe/Minsk"
    first = "screen/payer_bank/return"
    records = run(scenario, {first: [0.1]}, Order("2024-03-04 10:00", "a", "b", 100_00))
    assert records.sent_back.tolist() == [True]
    assert records.returns.returned_at.tolist() == [instant("2024-03-04 13:00") if cancelled else NEVER]
    assert records.cancelled_at.tolist() == [instant("2024-03-04 13:00") if cancelled else NEVER]
