"""A kind says what it is where it is declared, and has all its other halves, or its name is told."""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import Field

import sim.scenario.model.kinds as declared_kinds
import sim.world.build  # noqa: F401 - importing it completes the effects
from sim.calibration import MODELS as ESTIMATORS
from sim.core.causes import CAUSES
from sim.core.kinds import Halves, complete
from sim.engine.steps import KINDS as STEPS
from sim.engine.systems import KINDS as SYSTEMS
from sim.engine.systems.offsetting import RULES
from sim.scenario.model.base import Declaration
from sim.scenario.model.facilities import Facility
from sim.scenario.model.fx import Fx, Size
from sim.scenario.model.kinds import check_stated, is_open, kinds, kinds_that, stated_by
from sim.scenario.model.markets import Market
from sim.scenario.model.settlement import Offsetting, System
from sim.scenario.model.steps import Step
from sim.scenario.model.timeline import Entry
from sim.scenario.model.timing import Durations
from sim.scenario.model.trade import InvoiceAmount, Selling
from sim.show import palette
from sim.world import systems, timeline
from sim.world.draws import SECONDS
from sim.world.fx import MODELS as PATHS
from sim.world.fx.jumps import SIZES
from sim.world.groups import SALES
from sim.world.markets import DEALING
from sim.world.timeline import EFFECTS
from sim.world.trade import INVOICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Room(NamedTuple):
    """What a room adds to each of some kinds."""

    declared: Iterable[str]
    halves: Mapping[str, Any]


ROOMS = {
    "engines of systems": Room(kinds(System), SYSTEMS),
    "steps of the engine": Room(kinds(Step), STEPS),
    "effects of entries": Room(kinds(Entry), EFFECTS),
    "colours of causes": Room(CAUSES, palette.CAUSES),
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
#: The modules in which the tables stand that are written out in one place.
TABLES = {
    "kind of offsetting": "sim.engine.systems.offsetting",
    "kind of duration": "sim.world.draws",
    "kind of invoice": "sim.world.trade",
    "kind of jump size": "sim.world.fx.jumps",
    "way of selling": "sim.world.groups",
    "kind of market": "sim.world.markets",
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
    monkeypatch.setattr(declared_kinds, "kinds", lambda union: kinds(union) | {"odd": Declaration})
    monkeypatch.setattr(systems, "OFFSETTING_KINDS", (*systems.OFFSETTING_KINDS, "odd"))
    # The module has been imported already; the copy here gives no effects anew.
    monkeypatch.setattr(timeline, "gives_effect_to", lambda *_: lambda taker: taker)
    spec = find_spec(TABLES[of])
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

    assert declaration.squares == (declaration.squaring is not silent.squaring)
