"""Engine and plain model agree in every record, whichever rules move the money: each kind alone, and all together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from agreement import assert_same_story
from chance import examples
from conftest import SHORTER, shortened
from hypothesis import given, reject, settings
from hypothesis.strategies import data
from mixtures import IDEAS, mixtures

from sim.errors import ScenarioError
from sim.scenario.library import names
from sim.world.build import build_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DataObject
    from oracle import Story

    from sim.scenario.model import Scenario
    from sim.world.world import DrawnWorld


def let_go(*kinds: str) -> Callable[[Story], bool]:
    """Whether somebody who waited was let go by a change of such a kind."""
    return lambda story: any(t.released is not None and t.released.kind in kinds for t in story.transfers)


def passed(story: Story) -> bool:
    """Whether somebody settled before another one who came earlier to the same account and settled, too."""
    done = [t for t in story.transfers if t.settled_at is not None]
    return any(
        (one.debit, one.submitted_at < other.submitted_at, one.settled_at > other.settled_at)
        == (other.debit, True, True)
        for one in done
        for other in done
    )


def in_parts(story: Story) -> bool:
    """Whether an order was dealt in several parts."""
    orders = [(deal.obligation, deal.by_payee) for deal in story.deals]
    return len(set(orders)) < len(orders)


#: What has to come about in some of the scenarios of an idea, so that it says something that they agree.
HAPPENED: Final[dict[str, Callable[[Story], bool]]] = {
    "cycles": let_go("cycle"),
    "clearing": lambda story: bool(story.squarings),
    "links": lambda story: any(t.counter is not None and t.released is not None for t in story.transfers),
    "queues": passed,
    "limits": let_go("renewal"),
    "holds": let_go("unheld", "pace"),
    "offsetting": let_go("offsetting"),
    "optimum": let_go("offsetting"),
    "facilities": lambda story: any(loan.rolled for loan in story.loans),
    "failures": lambda story: any(payment.reasons["outage"] for payment in story.payments),
    "shifts": lambda story: any(shift.moved for shift in story.shifts),
    "zero_balance": lambda story: any(p.payment < 0 and p.debit != p.credit for p in story.postings),
    "funding": lambda story: any(moved.amount > 0 for moved in story.funded),
    "dealing": lambda story: any(bought.dealt_at > bought.decided_at for bought in story.bought),
    "books": in_parts,
    "vehicles": lambda story: any(deal.vehicle >= 0 for deal in story.deals),
    "counters": lambda story: len({deal.market for deal in story.deals}) > 1,
    "occasions": lambda story: any(deal.matched for deal in story.deals),
}


def built(scenario: Scenario) -> DrawnWorld:
    """The world of a scenario by chance; one that cannot be run, as with legs never open together, is passed over."""
    try:
        return build_world(scenario)
    except ScenarioError:
        reject()


@pytest.mark.hypothesis
@pytest.mark.parametrize("idea", IDEAS)
def test_engine_and_plain_model_agree_on_a_kind(idea: str) -> None:
    happened = []

    @settings(max_examples=examples(12))
    @given(mixtures(idea))
    def look(scenario: Scenario) -> None:
        _, story = assert_same_story(built(scenario))
        happened.append(HAPPENED[idea](story))

    look()
    if not any(happened):
        # What is drawn depends on all that is imported; a dozen scenarios may miss what this is about.
        pytest.skip(f"{idea}: what is told of it did not come about in these scenarios")


#: What has to fit together: who lends to banks that hold back or have failed, who waits for two things at once.
TOGETHER: Final = (
    ("cycles", "failures"),
    ("links", "failures", "facilities"),
    ("holds", "facilities"),
    ("limits", "offsetting", "queues"),
    ("zero_balance", "facilities", "shifts"),
    ("funding", "zero_balance", "failures"),
    ("funding", "queues", "facilities"),
    ("counters", "vehicles", "books", "occasions"),
)


@pytest.mark.hypothesis
@pytest.mark.parametrize("ideas", TOGETHER)
@settings(max_examples=examples(8))
@given(data())
def test_engine_and_plain_model_agree_on_kinds_that_meet(ideas: tuple[str, ...], data: DataObject) -> None:
    assert_same_story(built(data.draw(mixtures(*ideas))))


@pytest.mark.hypothesis
@settings(max_examples=examples(30))
@given(mixtures())
def test_engine_and_plain_model_agree_on_kinds_together(scenario: Scenario) -> None:
    assert_same_story(built(scenario))


@pytest.mark.hypothesis
@settings(max_examples=examples(12))
@given(mixtures(returning=True))
def test_engine_and_plain_model_agree_on_kinds_where_payments_come_back(scenario: Scenario) -> None:
    assert_same_story(built(scenario))


@pytest.mark.long
@pytest.mark.parametrize("returning", [False, True])
def test_engine_and_plain_model_agree_on_many_scenarios(*, returning: bool) -> None:
    @settings(max_examples=examples(50))
    @given(mixtures(returning=returning))
    def look(scenario: Scenario) -> None:
        assert_same_story(built(scenario))

    look()


@pytest.mark.long
@pytest.mark.parametrize("name", names())
def test_engine_and_plain_model_agree_on_two_weeks_of_the_library(name: str) -> None:
    world = built(shortened(name, SHORTER))
    assert len(world.payments) > 1000
    assert_same_story(world)
