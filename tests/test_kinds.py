"""A kind says what it is where it is declared, has all its other halves, and does what it says."""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import pytest
from builders import Order, by_hand, declare, instant
from examples import ENTRIES, RATE_MODELS, example, leg, passing, settling, trade
from pydantic import Field
from rates import paths
from stays import assert_accounted

import sim.scenario.model.kinds as declared_kinds
import sim.world.build  # noqa: F401 - importing it completes the effects
from sim.calibration import MODELS as ESTIMATORS
from sim.core.causes import REASONS, check_places
from sim.core.clock import DAY, HOUR, NEVER
from sim.core.kinds import Halves, complete
from sim.engine.delays import Delays
from sim.engine.run import simulate
from sim.engine.steps import KINDS as STEPS
from sim.engine.systems import KINDS as SYSTEMS
from sim.engine.systems.offsetting import RULES
from sim.results.execute import execute
from sim.scenario.model.base import Declaration
from sim.scenario.model.facilities import Facility
from sim.scenario.model.fx import Fx, Size
from sim.scenario.model.kinds import check_stated, is_open, kinds, kinds_that, stated_by
from sim.scenario.model.markets import Market
from sim.scenario.model.settlement import Offsetting, System
from sim.scenario.model.steps import DISTRIBUTIONS, Step
from sim.scenario.model.timeline import Entry
from sim.scenario.model.timing import Durations
from sim.scenario.model.trade import InvoiceAmount, Selling
from sim.show import palette
from sim.world import systems, timeline
from sim.world.draws import SECONDS
from sim.world.fx import MODELS as PATHS
from sim.world.fx.layers import SIZES
from sim.world.markets import DEALING, SALES
from sim.world.timeline import EFFECTS, gives_effect_to
from sim.world.trade import INVOICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sim.engine.records import Records
    from sim.results.results import Results


class Room(NamedTuple):
    """What a room adds to each of some kinds."""

    declared: Iterable[str]
    halves: Mapping[str, Any]


ROOMS = {
    "engines of systems": Room(kinds(System), SYSTEMS),
    "steps of the engine": Room(kinds(Step), STEPS),
    "effects of entries": Room(kinds(Entry), EFFECTS),
    "colours of reasons": Room(REASONS, palette.REASONS),
    "paths of rates": Room(kinds(Fx), PATHS),
    "estimators of rates": Room(kinds_that(Fx, "estimated"), ESTIMATORS),
    "rules of offsetting": Room(kinds(Offsetting), RULES),
    "seconds of durations": Room(kinds(Durations), SECONDS),
    "sizes of invoices": Room(kinds(InvoiceAmount), INVOICES),
    "sizes of jumps": Room(kinds(Size), SIZES),
    "times of sale": Room(kinds(Selling), SALES),
    "dealing at markets": Room(kinds(Market), DEALING),
}
LACKING = [(what, kind) for what, room in ROOMS.items() for kind in room.declared]
UNIONS = {
    "kind of system": System,
    "kind of step": Step,
    "kind of timeline entry": Entry,
    "model of exchange rates": Fx,
    "kind of facility": Facility,
    "kind of invoice": InvoiceAmount,
    "way of selling": Selling,
}
#: The tables that are written out in one place: where, and of what.
TABLES = {
    "kind of offsetting": ("sim.engine.systems.offsetting", Offsetting),
    "kind of duration": ("sim.world.draws", Durations),
    "kind of invoice": ("sim.world.trade", InvoiceAmount),
    "kind of jump size": ("sim.world.fx.layers", Size),
    "way of selling": ("sim.world.markets", Selling),
    "kind of market": ("sim.world.markets", Market),
}


@pytest.mark.parametrize("what", ROOMS)
def test_every_kind_has_its_other_half(what: str) -> None:
    declared, halves = ROOMS[what]

    assert {*halves} == {*declared}


@pytest.mark.parametrize(("what", "kind"), LACKING)
def test_a_kind_without_its_other_half_is_named(what: str, kind: str) -> None:
    declared, halves = ROOMS[what]

    with pytest.raises(TypeError, match=f"^kind '{kind}' lacks a half$"):
        complete(declared, [other for other in halves if other != kind], of="kind", what="a half")


@pytest.mark.parametrize("of", TABLES)
def test_a_table_is_refused_where_it_is_imported_if_it_lacks_a_kind(
    of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, ours = TABLES[of]
    odd = {"odd": Declaration}
    monkeypatch.setattr(declared_kinds, "kinds", lambda union: kinds(union) | (odd if union == ours else {}))
    monkeypatch.setattr(systems, "OFFSETTING_KINDS", (*systems.OFFSETTING_KINDS, "odd"))
    # The module has been imported already; the copy here gives no effects anew.
    monkeypatch.setattr(timeline, "gives_effect_to", lambda *_: lambda taker: taker)
    spec = find_spec(module)
    assert spec is not None
    assert spec.loader is not None

    with pytest.raises(TypeError, match=f"^{of} 'odd' lacks "):
        spec.loader.exec_module(module_from_spec(spec))


def test_a_half_of_no_kind_is_named_and_no_kind_has_two() -> None:
    halves: Halves[int] = Halves("kind", "a half")
    halves.add(1, "one", "other")

    with pytest.raises(TypeError, match=r"^'other' has a half but is no kind$"):
        halves.complete(["one"])
    with pytest.raises(TypeError, match=r"^kind 'one' has a half twice$"):
        halves.add(2, "one")


CAPABILITIES = [
    (of, kind, name)
    for of, union in UNIONS.items()
    for kind, declaration in kinds(union).items()
    for name in stated_by(declaration)
]


@pytest.mark.parametrize(("of", "kind", "name"), CAPABILITIES)
def test_a_kind_that_leaves_a_capability_open_is_named(
    of: str, kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declaration = kinds(UNIONS[of])[kind]
    # The announcement of a method stays: it is what is left where nobody has written it.
    for owner in declaration.__mro__:
        if name in vars(owner) and not is_open(vars(owner)[name]):
            monkeypatch.delattr(owner, name)

    with pytest.raises(TypeError, match=f"{of} '{kind}' does not state '{name}'"):
        check_stated(UNIONS[of], of)


def test_a_kind_is_found_in_its_union() -> None:
    class One(Declaration):
        kind: Literal["one", "uno"]

    class Other(Declaration):
        kind: Literal["other"]

    found = kinds(Annotated[One | Other, Field(discriminator="kind")])

    assert found == {"one": One, "uno": One, "other": Other}
    assert kinds(One) == {"one": One, "uno": One}


@pytest.mark.parametrize("kind", kinds(System))
def test_a_system_tells_how_it_squares_if_it_says_that_it_does(kind: str) -> None:
    declaration: Any = kinds(System)[kind]
    silent: Any = declaration.__mro__[declaration.__mro__.index(Declaration) - 1]

    tells = declaration.squaring is not silent.squaring
    assert declaration.squares == tells, f"kind of system {kind!r}: 'squares' and 'squaring' disagree"


# A kind that claims what it has not.


class Announced(Declaration):
    """What each kind of two has to state."""

    claims: ClassVar[bool]


class Claiming(Announced):
    """One that states it."""

    claims: ClassVar = True
    kind: Literal["claiming"]


class Stranger(Declaration):
    """One that does not know of it."""

    kind: Literal["stranger"]


TWO = Annotated[Claiming | Stranger, Field(discriminator="kind")]


def test_a_kind_that_is_none_of_its_family_is_named() -> None:
    with pytest.raises(TypeError, match=r"^kind 'stranger' does not inherit from 'Announced'$"):
        check_stated(TWO, "kind", Announced)


def test_a_capability_without_what_it_implies_is_named() -> None:
    with pytest.raises(TypeError, match=r"^kind 'claiming' states 'claims' and has no 'system'$"):
        check_stated(TWO, "kind", Declaration, {"claims": ("kind", "plain", "system")})


class Speaks(Protocol):
    """What a half has to do."""

    def say(self) -> str:
        """Say something."""
        ...


class Silent:
    """One that does not."""


def test_a_half_without_a_method_of_its_protocol_is_named() -> None:
    halves: Halves[Any] = Halves("kind", "a half")
    halves.add(Silent, "one")

    with pytest.raises(TypeError, match=r"^kind 'one' has a half without 'say'$"):
        halves.require(Speaks, ["one"])


def test_an_effect_of_what_is_no_entry_is_named() -> None:
    with pytest.raises(
        TypeError, match=r"^'Stranger' has an effect in the world but is no kind of timeline entry$"
    ):
        gives_effect_to(Stranger)(print)


def test_a_delay_without_a_declared_reason_or_place_is_named() -> None:
    delays, one = Delays(np.array([0]), np.array([1]), 9), (np.array([0]), np.array([0]), np.array([1]))
    delays.walk(np.array([0]))
    delays.enter(0, ["message"])

    with pytest.raises(TypeError, match=r"^'weather' is no reason of a delay"):
        delays.spend(*one, "weather")
    with pytest.raises(TypeError, match=r"^'market' is no place that this kind of step has declared$"):
        delays.spend(*one, "work", "market")


@pytest.mark.parametrize(
    ("stated", "message"),
    [((), "states no place"), (("market", "moon"), "states the place 'moon', which is none of a step")],
)
def test_a_kind_of_step_without_a_declared_place_is_named(stated: tuple[str, ...], message: str) -> None:
    with pytest.raises(TypeError, match=f"^kind of step 'odd' {message}$"):
        check_places({"odd": stated})


def test_a_step_that_does_not_draw_what_it_states_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds(Step)["message"], "draws", lambda _: ())

    with pytest.raises(
        TypeError, match=r"^kind of step 'message' states 'time', and its 'draws' know none for it$"
    ):
        by_hand(declare(passing("message")))


def test_a_plan_names_the_kind_that_does_not_state_what_is_asked_for() -> None:
    (plan,) = (
        step for step in by_hand(declare(passing("message"))).route_plans[0].steps if step.kind == "message"
    )

    with pytest.raises(TypeError, match=r"^kind of step 'message' draws no 'work'$"):
        plan.seconds["work"]
    with pytest.raises(TypeError, match=r"^kind of step 'message' states no 'at'$"):
        plan.stated["at"]


@pytest.mark.parametrize("rates", [{}, {"CNY": np.ones(1), "BYN": np.ones(1)}])
def test_a_model_that_leaves_out_a_currency_or_days_is_named(
    rates: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PATHS, "_found", {**PATHS, "constant": lambda *_: rates})

    with pytest.raises(
        TypeError, match=r"^model of exchange rates 'constant' gives no rate of BYN for each day$"
    ):
        paths(example(RATE_MODELS, "constant"), ["BYN", "CNY"])


# What each kind says of itself is so.

MORNING = "2024-03-05 10:00"


def settled(declared: dict[str, Any], *orders: Order) -> Records:
    """What became of payments in a town; every second of their delays has a place and a reason."""
    world = by_hand(declare(declared), *orders)
    records = simulate(world)
    assert_accounted(world, records)
    return records


@pytest.mark.parametrize("kind", kinds(System))
def test_a_system_settles_what_is_covered_and_what_waits_when_money_comes(kind: str) -> None:
    there = [Order(MORNING, "a", "b", 10_000), Order("2024-03-05 10:01", "a", "b", 10_000)]
    back = Order("2024-03-06 16:30", "b", "a", 10_000)

    alone, with_cover = settled(settling(kind), *there), settled(settling(kind), *there, back)

    said = f"kind of system {kind!r} settles "
    assert (alone.settled_at < NEVER).tolist() == [True, False], said + "other payments than those covered"
    assert (with_cover.settled_at < NEVER).all(), said + "nothing that waits"
    assert with_cover.settled_at[1] >= instant("2024-03-06 16:30"), said + "what is not covered"
    of_day = (with_cover.settled_at - instant("2024-03-05 00:00")) % DAY
    assert ((of_day >= 9 * HOUR) & (of_day < 17 * HOUR)).all(), said + "while it is closed"


@pytest.mark.parametrize("kind", kinds_that(System, "takes_holds"))
def test_a_system_that_takes_holds_keeps_them(kind: str) -> None:
    holding = settling(kind, holds={"below": "100", "until": "15:00"})

    records = settled(holding, Order(MORNING, "a", "b", 10_000))

    assert records.settled_at.tolist() == [instant("2024-03-05 15:00")], (
        f"kind of system {kind!r} keeps no holds"
    )


@pytest.mark.parametrize("kind", kinds_that(System, "takes_limits"))
@pytest.mark.parametrize("bound", [{"limits": {"multilateral": "99"}}, {"reserved": "1"}])
def test_a_system_that_takes_limits_keeps_them(kind: str, bound: dict[str, Any]) -> None:
    records = settled(settling(kind, **bound), Order(MORNING, "a", "b", 10_000))

    assert records.settled_at.tolist() == [NEVER], f"kind of system {kind!r} keeps no limits"


@pytest.mark.parametrize("kind", kinds_that(System, "may_be_leg"))
def test_a_system_that_may_be_a_leg_settles_what_a_link_moves(kind: str) -> None:
    records = settled(leg(kind), Order(MORNING, "a", "b", 10_000))

    assert records.settled_at.tolist() == [instant(MORNING)], f"kind of system {kind!r} is no leg"


@pytest.mark.parametrize("kind", kinds(Step))
def test_a_step_lets_payments_through_and_takes_the_time_that_it_states(kind: str) -> None:
    records = settled(passing(kind), Order(MORNING, "west", "east", 5_000))

    (step,) = (one for one in declare(passing(kind)).routes["direct"].steps if one.kind == kind)
    stated = sum(2 * HOUR for _, value in step if isinstance(value, DISTRIBUTIONS))
    assert (records.settled_at < NEVER).all(), f"kind of step {kind!r} lets nothing through"
    taken = (records.credited_at - instant(MORNING)).tolist()
    assert taken == [stated], f"kind of step {kind!r} does not take the time that it states"


@pytest.fixture(scope="module")
def uneventful() -> Results:
    return execute(declare(trade()))


@pytest.mark.parametrize("kind", kinds(Entry))
def test_an_entry_of_the_timeline_changes_something(kind: str, uneventful: Results) -> None:
    results = execute(declare(trade(example(ENTRIES, kind))))

    changed = [name for name in results.table_names if not results[name].equals(uneventful[name])]
    assert changed, f"kind of timeline entry {kind!r} changes nothing"


@pytest.mark.parametrize("kind", kinds(Fx))
def test_a_model_of_rates_gives_a_rate_for_each_day(kind: str) -> None:
    per_usd = paths(example(RATE_MODELS, kind)).per_usd

    assert per_usd.shape == (366, 4)
    assert (per_usd > 0).all()
