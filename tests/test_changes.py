"""A scenario is what it extends and a set of changes: their order tells nothing, and two that disagree are told."""

from __future__ import annotations

import re
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from chance import examples
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cli import cli
from sim.errors import ScenarioError
from sim.scenario import library
from sim.scenario.document import parse
from sim.scenario.load import Loaded, load, load_located, to_yaml
from sim.scenario.merge import NOT_INHERITED, resolve
from sim.scenario.model import Scenario
from sim.scenario.tree import plain
from sim.world.build import build_world

pytestmark = pytest.mark.quick

BASE = """\
name: base
seed: 3
hours: {day: {sessions: ["09:00-17:00"]}, night: {sessions: ["20:00-22:00"]}}
systems: {s: {kind: rtgs, currency: CNY, hours: day}}
accounts:
  s: [{holder: a, prefund_days: 4}, {holder: b, balance: 100}, {holder: c, prefund_days: 4}]
routes:
  out:
    steps:
      first: {kind: originate}
      money: {kind: settle, system: s}
      last: {kind: post}
  list:
    steps: [{kind: originate}, {kind: settle, system: s}, {kind: post}]
"""


@pytest.fixture(autouse=True)
def base(folder: Path) -> Path:
    (folder / "base.yaml").write_text(BASE, "utf-8")
    return folder


def write(**files: str) -> None:
    """Change files by name; what is no mapping yet gets its sentence."""
    for name, text in files.items():
        sentence = "" if "says:" in text else f"says: {name} differs.\n"
        Path(f"{name}.yaml").write_text(sentence + text, "utf-8")


def tree(*changes: str, source: str = "base.yaml", overrides: tuple[str, ...] = ()) -> Any:  # noqa: ANN401
    """The tree of a scenario with changes, which nothing is wrong with."""
    found = resolve(source, overrides, [f"{name}.yaml" for name in changes])
    assert [str(told.problem) for told in found.findings] == []
    return plain(found.tree)


def told(*changes: str, source: str = "base.yaml", overrides: tuple[str, ...] = ()) -> list[str]:
    found = resolve(source, overrides, [f"{name}.yaml" for name in changes])
    return [str(one.problem) for one in sorted(found.findings, key=lambda one: one.mark)]


def order(entries: Any) -> str:  # noqa: ANN401
    """The keys of a mapping, or what the entries of a list are called, in their order."""
    return " ".join(
        entries if isinstance(entries, dict) else [one.get("holder", one.get("kind")) for one in entries]
    )


def test_a_change_is_written_like_a_variant() -> None:
    write(
        it=(
            "seed: null\nhours: {day: {sessions: ['08:00-18:00']}, night: null}\n"
            "systems: {s: {kind: dns, currency: CNY}, t: {kind: rtgs}}\n"
        )
    )
    found = tree("it")
    assert "seed" not in found
    assert found["hours"] == {"day": {"sessions": ["08:00-18:00"]}}
    assert found["systems"] == {"s": {"kind": "dns", "currency": "CNY"}, "t": {"kind": "rtgs"}}


def test_a_list_is_added_to_and_a_step_inserted() -> None:
    write(
        accounts="accounts: {s: {add: [{holder: d}]}, new: {add: [{holder: e}]}}\n",
        named="routes: {out: {steps: {look: {kind: screen, after: first}, again: {kind: screen, after: settle}}}}\n",
        listed="routes: {list: {steps: {add: [{kind: screen, after: originate}, {kind: message}]}}}\n",
        placed="routes: {list: {steps: {sold: {kind: convert, after: 2}}}}\n",
    )
    found = tree("accounts", "named", "listed", "placed")
    assert order(found["accounts"]["s"]) == "a b c d"
    assert order(found["accounts"]["new"]) == "e"
    assert order(found["routes"]["out"]["steps"]) == "first look money again last"
    assert order(found["routes"]["list"]["steps"]) == "originate screen settle post convert message"
    assert "after" not in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "accounts.*.*.prefund_days: 2\n",
        "accounts: {'*': {'*': {prefund_days: 2}}}\n",
        "accounts.s.*.prefund_days: 2\n",
    ],
)
def test_a_wildcard_touches_what_states_the_rest_of_its_path(text: str) -> None:
    write(less=text)
    for found in (tree("less"), tree(overrides=("accounts.*.*.prefund_days=2",))):
        assert [one.get("prefund_days") for one in found["accounts"]["s"]] == [2, None, 2]


def test_wildcards_remove_and_lay_mappings_and_reach_into_the_scenarios_own_keys() -> None:
    write(it="hours.*: null\nroutes.*.steps.money: {system: t}\nroutes.list.steps.1.system: t\n")
    found = tree("it")
    assert found["hours"] == {}
    assert found["routes"]["out"]["steps"]["money"] == {"kind": "settle", "system": "t"}
    assert found["routes"]["list"]["steps"][1] == {"kind": "settle", "system": "t"}
    Path("own.yaml").write_text(
        "extends: base.yaml\naccounts.*.*.prefund_days: 1\naccounts.s.add: [{holder: d}]\n"
    )
    assert [one.get("prefund_days") for one in tree(source="own.yaml")["accounts"]["s"]] == [1, None, 1, None]
    assert len(tree(overrides=("accounts.s.add=[{holder: d}]", "accounts.s.*=null"))["accounts"]["s"]) == 0


PARTS = {
    "d": "accounts.s.add: [{holder: d}, {holder: d2}]\nfirms: {d: {count: 1}}\n",
    "c": "accounts.s.add: [{holder: e}]\nroutes.out.steps.c: {kind: screen, after: money}\n",
    "b": (
        "require: [d.yaml]\naccounts.s.3.balance: 7\nfirms: {b: {count: 1}}\n"
        "routes.out.steps.b: {kind: message, after: money}\n"
    ),
    "a": (
        "require: [b.yaml]\nfirms: {d: {count: 2}}\naccounts.s.0: null\n"
        "routes.out.steps.a: {kind: convert, after: b}\n"
    ),
    "x": "hours.night: null\nroutes.out.steps.money: null\n",
    "y": "hours.night: null\nfirms: {y: {count: 3}}\n",
}


def test_every_order_of_changes_gives_one_scenario() -> None:
    write(**PARTS)
    seen = {str(tree(*names)) for names in [*permutations(PARTS)][::19]}
    assert len(seen) == 1
    found = tree(*PARTS)
    assert order(found["accounts"]["s"]) == "b c e d d2"
    assert found["accounts"]["s"][3] == {"holder": "d", "balance": 7}
    assert order(found["firms"]) == "b d y"
    assert found["firms"]["d"] == {"count": 2}
    # Even the step behind which others stand may be gone.
    assert order(found["routes"]["out"]["steps"]) == "first b a c last"
    assert "night" not in found["hours"]


VALUES = st.dictionaries(st.sampled_from("uvw"), st.sampled_from([1, 2, None]), min_size=1)
KEYS = st.dictionaries(st.sampled_from("pqr"), VALUES, min_size=1)
START = {"p": {"u": 0, "v": 0, "w": 0}, "q": {"u": 0, "v": 0}, "r": {"u": 0}}


@settings(max_examples=examples(40))
@given(st.lists(KEYS, min_size=2, max_size=3), st.randoms())
def test_changes_agree_everywhere_or_are_told(said: list[Any], chance: Any) -> None:  # noqa: ANN401
    """Against a plain reading: a change is a map from path to value."""
    for one in said:
        for key, values in one.items():
            one[key] = {
                step: value for step, value in values.items() if value is not None or step in START[key]
            }
    said = [{key: values for key, values in one.items() if values} for one in said]
    said = [one for one in said if one]
    Path("start.yaml").write_text(str(START), "utf-8")
    names = [f"n{number}" for number in range(len(said))]
    for name, one in zip(names, said, strict=True):
        Path(f"{name}.yaml").write_text(str({"says": "s", **one}).replace("None", "null"), "utf-8")
    flat = [
        {(key, step): value for key, values in one.items() for step, value in values.items()} for one in said
    ]
    clash = {
        path for number, one in enumerate(flat) for other in flat[:number] for path in one.keys() & other.keys()
        if one[path] != other[path]
    }  # fmt: skip
    chance.shuffle(names)
    if clash:
        lines = told(*names, source="start.yaml")
        assert {tuple(line.split(": ")[1].split(".")) for line in lines} == clash
    else:
        expected = {(key, step): value for key, values in START.items() for step, value in values.items()}
        for one in flat:
            expected |= one
        found = tree(*names, source="start.yaml")
        assert {(key, step): value for key, values in found.items() for step, value in values.items()} == {
            path: value for path, value in expected.items() if value is not None
        }


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ("seed: 1\n", "seed: 2\n", "b.yaml:2:7: seed"),
        ("seed: null\n", "seed: 2\n", "b.yaml:2:7: seed"),
        ("hours: null\n", "hours: {day: {sessions: []}}\n", "b.yaml:2:15: hours.day.sessions"),
        ("hours: {day: {sessions: []}}\n", "hours: null\n", "b.yaml:2:8: hours"),
        ("hours: {day: null}\n", "hours: null\n", "b.yaml:2:8: hours"),
        ("systems.s: {kind: dns}\n", "systems.s.hours: night\n", "b.yaml:2:18: systems.s.hours"),
        ("systems.t: {kind: dns}\n", "systems.t: {kind: rtgs}\n", "b.yaml:2:19: systems.t.kind"),
        ("accounts.s: []\n", "accounts.s.add: [{holder: d}]\n", "b.yaml:2:27: accounts.s.add.0.holder"),
        (
            "accounts.*.*.prefund_days: 2\n",
            "accounts.s.0.prefund_days: 3\n",
            "b.yaml:2:28: accounts.s.0.prefund_days",
        ),
        (
            "routes.out.steps.n: {kind: post, after: first}\n",
            "routes.out.steps.n: {kind: post, after: money}\n",
            "b.yaml:2:41: routes.out.steps.n.after",
        ),
    ],
)
def test_two_changes_that_disagree_are_told_with_both_places(one: str, other: str, path: str) -> None:
    write(a=one, b=other)
    (line,) = told("a", "b")
    assert line.startswith(f"{path}: the changes 'b' and 'a' disagree here, see a.yaml:2:")
    assert told("b", "a") == [line]
    # One that builds on the other may change what that one brings.
    write(b=f"require: [a.yaml]\n{other}")
    assert not [line for line in told("a", "b") if "disagree" in line]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("seed: 1\n", "seed: 1\n"),
        ("hours.day: null\n", "hours: {day: null}\n"),
        ("hours.day: {source: here, sessions: []}\n", "hours.day: {source: there, sessions: []}\n"),
        ("systems: {t: {kind: rtgs, currency: CNY}}\n", "systems: {t: {kind: rtgs, hours: day}}\n"),
        ("systems.s: {kind: dns, hours: night}\n", "systems.s.hours: night\n"),
        ("accounts.*.*.prefund_days: 2\n", "accounts.s.0.prefund_days: 2\n"),
    ],
)
def test_changes_that_leave_the_same_agree(one: str, other: str) -> None:
    write(a=one, b=other)
    assert tree("a", "b") == tree("b", "a")
    Path("with-a.yaml").write_text("extends: base.yaml\nchanges: [a.yaml]\n", "utf-8")
    assert {"name": "base", **tree("b", source="with-a.yaml")} == tree("a", "b")
    # What a scenario has already is not made again.
    assert {"name": "base", **tree("a", source="with-a.yaml")} == tree("a")


def test_layers_stand_over_each_other_in_their_order() -> None:
    write(
        one="seed: 1\n",
        two="seed: 2\nrequire: [one.yaml]\n",
        three="seed: 3\nrequire: [one.yaml, two.yaml]\n",
    )
    Path("parent.yaml").write_text("extends: base.yaml\nchanges: [one.yaml]\n", "utf-8")
    Path("mine.yaml").write_text("extends: parent.yaml\nchanges: [two.yaml]\n", "utf-8")
    assert [tree(source=source)["seed"] for source in ("base.yaml", "parent.yaml", "mine.yaml")] == [3, 1, 2]
    Path("own.yaml").write_text("extends: parent.yaml\nchanges: [two.yaml]\nseed: 9\n", "utf-8")
    assert tree(source="own.yaml")["seed"] == 9
    assert tree("three", source="own.yaml")["seed"] == 3
    assert tree("three", source="own.yaml", overrides=("seed=5",))["seed"] == 5
    assert "changes" not in tree(source="own.yaml")


def test_own_keys_that_win_over_changes_are_listed() -> None:
    write(one="seed: 1\nhours.night: null\naccounts: {new: [{holder: a}]}\n")
    Path("own.yaml").write_text(
        "extends: base.yaml\nchanges: [one.yaml]\nseed: 9\naccounts: {new: [{holder: b}]}\n"
    )
    found = resolve("own.yaml")
    assert [(str(key.mark), *key.paths, key.change) for key in found.overruled] == [
        ("own.yaml:3:7", "seed", "one"),
        ("own.yaml:4:12", "accounts.new", "one"),
    ]
    # A layer of changes wins over those below it likewise, unless it is meant to.
    write(two="seed: 2\nhours.night.sessions: []\n", three="seed: 2\nrequire: [one.yaml]\n")
    Path("bare.yaml").write_text("extends: base.yaml\nchanges: [one.yaml]\n", "utf-8")
    assert tree("two", source="bare.yaml")["seed"] == 2
    found = resolve("bare.yaml", changes=["two.yaml"])
    assert [(str(key.mark), *key.paths) for key in found.overruled] == [
        ("two.yaml:3:1", "hours.night.sessions"),
        ("two.yaml:2:7", "seed"),
    ][::-1]
    assert resolve("bare.yaml", changes=["three.yaml"]).overruled == ()
    Path("same.yaml").write_text("extends: base.yaml\nchanges: [one.yaml]\nseed: 1\nhorizon: 3d\n", "utf-8")
    assert resolve("same.yaml").overruled == ()


def test_what_is_required_has_to_be_there() -> None:
    write(one="seed: 1\n", two="require: [one.yaml]\nhorizon: 2d\n")
    Path("own.yaml").write_text("extends: base.yaml\nchanges: [two.yaml]\n", "utf-8")
    missing = "the change 'two' requires 'one.yaml' (two.yaml:2:11), which is not among the changes"
    assert told(source="own.yaml") == [f"own.yaml:2:11: changes.0: {missing}"]
    assert told("two") == [f"--with two.yaml: {missing}"]
    # In whichever layer.
    assert tree("one", "two")["seed"] == 1
    Path("parent.yaml").write_text("extends: base.yaml\nchanges: [one.yaml]\n", "utf-8")
    assert tree("two", source="parent.yaml")["horizon"] == "2d"
    write(one="seed: 1\nrequire: [two.yaml]\n")
    assert told("one", "two") == [
        f"{name}.yaml:{line}:11: require: these changes require each other: one, two"
        for name, line in (("one", 3), ("two", 2))
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("seed: 1\n", ["1:1: says: a change says in one sentence what differs"]),
        ("says: 3\nseed: 1\n", ["1:7: says: the sentence that says what differs is needed"]),
        ("says: s\n", ["1:1: a change states the keys that differ; here are none"]),
    ],
)
def test_a_change_is_a_sentence_and_keys(text: str, lines: list[str]) -> None:
    Path("it.yaml").write_text(text, "utf-8")
    assert told("it") == [f"it.yaml:{line}" for line in lines]


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        (
            "name: n\nextends: base.yaml\nseed: 1\n",
            [f"{place}: a scenario says this, not a change" for place in ("2:1: name", "3:1: extends")],
        ),
        ("require: one\nseed: 1\n", ["2:10: require: a list of changes is needed"]),
        ("require: [no]\nseed: 1\n", ["2:11: require.0: 'no' is no file and no library change"]),
        ("horizon: null\n", ["2:10: horizon: null removes an inherited key, but nothing is"]),
        ("accounts.*.*.limits: 1\n", ["2:1: accounts.*.*.limits: no entry states this path"]),
        ("accounts..x: 1\n", ["2:1: accounts..x: 'accounts..x' is not a path"]),
        ("accounts.s.3.x: 1\n", ["2:1: accounts.s.3: the list has entries 0 to 2"]),
        ("accounts.s.add: {x: 1}\n", ["2:1: accounts.s.add: a list of what is added is needed"]),
        ("hours.day.at: a\nhours: {day: {at: b}}\n", ["3:15: hours.day.at: this is said a second time"]),
        ("seed: 1\nseed: 2\nhorizon: null\n", ["3:1: seed: the key 'seed' stands", "4:10: horizon: null"]),
    ],
)
def test_every_mistake_in_a_change_is_told_at_its_place(keys: str, lines: list[str]) -> None:
    write(it=keys)
    found = told("it")
    assert len(found) == len(lines)
    assert all(one.startswith(f"it.yaml:{line}") for one, line in zip(found, lines, strict=True)), found


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        (
            "{n: {kind: post, after: lst}}",
            "2:43: n.after: nothing named 'lst' stands here; did you mean 'last'?",
        ),
        ("{n: {kind: x, after: [last]}}", "2:33: n.after: the name of one that stands here is needed"),
        ("{last: {after: first}}", "2:34: last.after: this is here already; only what is new can be placed"),
        (
            "{n: {kind: post}, m: {kind: x, after: post}}",
            "2:57: m.after: several are of the kind 'post': last, n; name one",
        ),
    ],
)
def test_a_step_is_placed_behind_one_that_is_there(steps: str, line: str) -> None:
    write(it=f"routes.out.steps: {steps}\n")
    place, _, message = line.partition(" ")
    assert told("it") == [f"it.yaml:{place} routes.out.steps.{message}"]


def test_all_mistakes_of_all_changes_are_told_at_once() -> None:
    write(a="seed: 1\nhorizon: null\n", b="seed: 2\nrequire: [c]\n")
    Path("own.yaml").write_text(
        "extends: base.yaml\nchanges: [a.yaml, b.yaml, nowhere, 3, a.yaml]\n", "utf-8"
    )
    assert [line.partition(": ")[0] for line in told(source="own.yaml", overrides=("seed",))] == [
        *("--set seed", "a.yaml:3:10", "b.yaml:2:7", "b.yaml:3:11"),
        *("own.yaml:2:27", "own.yaml:2:36", "own.yaml:2:39"),
    ]


def test_changes_are_read_though_what_they_are_for_cannot_be() -> None:
    write(a="seed: 1\nname: n\n")
    Path("own.yaml").write_text("extends: gone.yaml\nchanges: [nowhere]\n", "utf-8")
    assert [line.partition(": ")[0] for line in told("a", source="own.yaml")] == [
        *("a.yaml:3:1", "own.yaml:1:10", "own.yaml:2:11"),
    ]


def test_changes_are_said_where_they_can_be() -> None:
    write(a="seed: 1\n")
    Path("root.yaml").write_text("seed: 2\nchanges: [a.yaml]\n", "utf-8")
    assert told(source="root.yaml") == [
        "root.yaml:2:1: changes: changes are laid over what a scenario extends; this one extends nothing"
    ]
    assert told(overrides=("changes=[a.yaml]",))[0].startswith(
        "--set changes=[a.yaml]: changes: which changes"
    )
    with pytest.raises(ScenarioError, match="is complete and has no changes"):
        resolve("root.yaml", alone=True)
    for source in ("a.yaml", "over-a.yaml"):
        Path("over-a.yaml").write_text("extends: a.yaml\n", "utf-8")
        with pytest.raises(
            ScenarioError, match=r"a.yaml:1:1: says: this is a change, not a scenario; name it under"
        ):
            load(source)
    write(broken="seed: [\n")
    assert told("broken") == ["broken.yaml:3:1: a value is expected here"]


# The library.


def changes_of(name: str) -> list[str]:
    path = library.find(name)
    assert path is not None
    return list(plain(parse(path.read_bytes(), name)).get("changes", []))


def required(change: str) -> set[str]:
    """What a library change requires, and what that requires."""
    path = library.find_change(change)
    assert path is not None
    named = plain(parse(path.read_bytes(), change)).get("require", [])
    return {*named, *(other for one in named for other in required(one))}


def base_of(name: str) -> str:
    path = library.find(name)
    assert path is not None
    extends = str(plain(parse(path.read_bytes(), name))["extends"])
    found = library.find(extends)
    return str(found or path.parent / extends)


@cache
def located(base: str, *changes: str) -> Loaded[Scenario]:
    return load_located(base, changes=changes)


DESIGNS = [name for name in library.names() if changes_of(name)]
COMBINED = [name for name in DESIGNS if len(changes_of(name)) > 1]


def test_every_change_of_the_library_is_part_of_a_design() -> None:
    assert {change for name in DESIGNS for change in changes_of(name)} == set(library.changes())
    assert len(DESIGNS) > 50


@pytest.mark.parametrize("name", COMBINED)
def test_every_order_of_a_designs_changes_gives_one_scenario(name: str) -> None:
    orders = [*permutations(changes_of(name))]
    seen = set()
    for names in orders[:: max(1, len(orders) // 3)]:
        Path("it.yaml").write_text(f"extends: {base_of(name)}\nchanges: [{', '.join(names)}]\n", "utf-8")
        found = resolve("it.yaml")
        assert not found.findings
        # The order of keys is part of the text.
        seen.add(str(plain(found.tree)))
    of_itself = plain(resolve(name).tree)
    assert seen == {str({key: value for key, value in of_itself.items() if key not in NOT_INHERITED})}


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name in COMBINED for change in changes_of(name)]
)
def test_each_change_is_valid_alone_on_its_base(name: str, change: str) -> None:
    base = located(base_of(name))
    there = {one.name for one in base.changes}
    needed = sorted(required(change) - there)
    assert located(base_of(name), change, *needed).scenario != located(base_of(name), *needed).scenario


def test_a_resolved_scenario_tells_no_changes() -> None:
    loaded = load_located("baseline", changes=["direct-cips"])
    assert [change.says for change in loaded.changes] == [library.says("direct-cips")]
    Path("resolved.yaml").write_text(to_yaml(loaded.scenario), "utf-8")
    assert "\nchanges:" not in Path("resolved.yaml").read_text("utf-8")
    assert load("resolved.yaml") == loaded.scenario
    design = load("direct-participation")
    own = {"name": design.name, "question": design.question, "description": design.description}
    assert loaded.scenario.model_copy(update=own) == design


PAGES = [Path(__file__).parents[1] / name for name in ("README.md", "docs/model.md")]
BANKS = [
    block
    for page in PAGES
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    if "\nbanks." in block
]


@pytest.mark.parametrize("text", BANKS, ids=lambda text: text.split("banks.")[1].partition(":")[0])
def test_a_new_bank_takes_eight_lines_and_takes_part(text: str) -> None:
    """As the pages show it; payments of its clients are in every currency."""
    assert len(text.splitlines()) <= 8
    write(bank=text)
    few = ["period.end=2024-02-01", "run_in=0d", "horizon=3d"]
    world = build_world(load("baseline", few, ["bank.yaml"]))
    names = [*world.scenario.banks]
    new = len(names) - 1
    assert names[new] not in load("baseline").banks
    taking_part = (world.payments.payer_bank == new) | (world.payments.payee_bank == new)
    assert {*world.payments.currency[taking_part].tolist()} == {*world.payments.currency.tolist()}


def test_three_banks_are_on_the_pages() -> None:
    assert len(BANKS) == 3


def test_the_command_line_makes_changes_and_says_which() -> None:
    write(late="hours.yuan-orders.sessions: ['09:00-12:00']\n")
    Path("mine.yaml").write_text(
        "name: mine\nextends: baseline\nchanges: [late.yaml]\nhours.yuan-orders.source: my own\n"
        "hours.yuan-orders.sessions: ['09:00-13:00']\nperiod: {end: 2024-01-08}\nrun_in: 0d\nhorizon: 0d\n",
        "utf-8",
    )

    def said(*arguments: str) -> tuple[int, str]:
        found = CliRunner().invoke(cli, arguments)
        return found.exit_code, found.output

    code, valid = said("validate", "mine.yaml", "--with", "direct-biss")
    assert (code, *valid.splitlines()) == (
        0,
        "mine: valid",
        "mine: extends baseline",
        "mine: has the change late: late differs.",
        f"mine: has the change direct-biss: {library.says('direct-biss')}",
        (
            "mine: differs by its own keys in period.end, run_in, horizon, hours.yuan-orders.sessions.0, "
            "hours.yuan-orders.source"
        ),
        "mine: the assumption 'yuan-cutoff' is without effect at hours.yuan-orders.sessions.0: stated above it",
        "mine.yaml:5:1: hours.yuan-orders.sessions wins over the change 'late'",
    )
    Path("child.yaml").write_text("name: child\nextends: mine.yaml\nquestion: Nothing else?\n", "utf-8")
    assert said("validate", "child.yaml")[1].splitlines()[1:3] == [
        "child: extends mine.yaml, which has the changes late",
        "child: differs in nothing",
    ]
    code, shown = said("show", "mine.yaml", "--with", "direct-biss")
    assert (code, "byn-direct" in shown, "loro-byn" in shown) == (0, True, False)
    assert said("validate", "baseline", "--with", "direct-cips", "--with", "clearing-bank")[0] == 2
    code, told = said("validate", "baseline", "--with", "direct-cisp")
    assert (code, told) == (
        2,
        "--with direct-cisp: 'direct-cisp' is no file and no library change; did you mean 'direct-cips'?\n",
    )
    assert "direct-cips" in said("list")[1]


def test_an_entry_of_a_list_is_set_by_its_number() -> None:
    few = ["hours.cips.sessions.1=17:00-07:00", "flows.goods.months[0]=2"]
    found = load("baseline", few)
    assert found.hours["cips"].sessions == ("08:30-17:00", "17:00-07:00")
    assert found.flows["goods"].months[0] == 2
