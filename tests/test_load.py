"""A scenario is loaded completely, or everything wrong with it is told where its author wrote it."""

from __future__ import annotations

import importlib
import io
import os
import pkgutil
import shutil
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import pytest
from pydantic import AfterValidator, Field, model_validator

from sim.errors import ScenarioError
from sim.scenario import check, library
from sim.scenario.load import Loaded, load, load_as, load_located, to_yaml
from sim.scenario.model.base import Amount, Currency, Declaration, Duration, Name, reference, wrong

pytestmark = pytest.mark.quick

INVALID = sorted((Path(__file__).parent / "scenarios_invalid").glob("*.yaml"))


class Gross(Declaration):
    """Settles one by one."""

    kind: Literal["gross"]
    currency: Currency
    lag: Duration = 0


class Net(Declaration):
    """Settles what remains, within caps."""

    kind: Literal["net"]
    limit: int
    caps: dict[Currency, int] = Field(default={})

    @model_validator(mode="after")
    def _capped(self) -> Self:
        for currency, cap in self.caps.items():
            if cap > self.limit:
                raise wrong("the cap exceeds the limit", field=f"caps.{currency}")
        return self


class Hours(Declaration):
    """When something works."""

    open: str
    close: str


class Between(Declaration):
    """A duration between two others."""

    low: Duration
    high: Duration


class Account(Declaration):
    """Money in a system."""

    system: Annotated[str, AfterValidator(reference("systems"))]
    balance: Annotated[Amount, Field(ge=0)] = Decimal(0)
    delay: Duration | Between = 0
    hours: Annotated[str, AfterValidator(reference("hours", "always"))] | Hours = "always"


class Toy(Declaration):
    """A small model with each shape that the real one has: lists, names, kinds, references, unions."""

    name: str = "toy"
    description: str = ""
    seed: int = 1
    horizon: Duration = 0
    systems: dict[Name, Annotated[Gross | Net, Field(discriminator="kind")]] = Field(default={})
    hours: dict[Name, Hours] = Field(default={})
    accounts: tuple[Account, ...] = ()


BASE = """\
name: base
description: what the base stands for
seed: 3
systems:
  rtgs: {kind: gross, currency: CNY}
  dns: {kind: net, limit: 5}
accounts:
  - {system: rtgs, balance: 100}
  - system: dns
    balance: 2.50
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(BASE, "utf-8")
    (tmp_path / "library" / "mechanisms").mkdir(parents=True)
    monkeypatch.setattr(library, "folder", lambda: tmp_path / "library")
    return tmp_path


def variant(text: str, *overrides: str) -> Loaded[Toy]:
    Path("variant.yaml").write_text(text, "utf-8")
    return load_as(Toy, "variant.yaml", overrides)


def refusal(source: str, *overrides: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_as(Toy, source, overrides)
    return [str(problem) for problem in caught.value.problems]


def variant_refusal(text: str, *overrides: str) -> list[str]:
    Path("variant.yaml").write_text(text, "utf-8")
    return refusal("variant.yaml", *overrides)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_every_problem_is_told_at_its_line(path: Path, folder: Path) -> None:
    for other in INVALID:
        shutil.copy(other, folder)
    told = [line.removeprefix(f"{path.name}:") for line in refusal(path.name)]
    text = path.read_text("utf-8")
    assert told == [
        line.removeprefix("# expect ") for line in text.splitlines() if line.startswith("# expect ")
    ]


def test_a_variant_states_only_what_differs() -> None:
    toy = variant("extends: base.yaml\nsystems:\n  dns: {limit: 9}\n").scenario
    assert toy.systems["dns"] == Net(kind="net", limit=9)
    assert toy.systems["rtgs"] == Gross(kind="gross", currency="CNY")
    assert toy.seed == 3


def test_a_variant_is_held_to_what_it_says_that_it_changes() -> None:
    changes = (
        "systems: {dns: {limit: 9}}\naccounts: [{system: rtgs, balance: 100}, {system: dns, balance: 4}]\n"
    )
    named = "extends: base.yaml\ndiffers_in: PATHS\n" + changes
    toy = variant(named.replace("PATHS", "[systems.dns.limit, accounts.*.balance]")).scenario
    assert toy.accounts[1].balance == 4
    assert variant(named.replace("PATHS", "[systems, accounts]")).scenario == toy
    # What --set says is not the file's doing.
    assert variant(named.replace("PATHS", "[systems, accounts]"), "seed=8").scenario.seed == 8
    assert variant_refusal(named.replace("PATHS", "[systems]")) == [
        "variant.yaml:2:1: differs_in: accounts.1.balance differs, too, but is not named here"
    ]
    assert variant_refusal(named.replace("PATHS", "[systems.dns.limit, accounts.0, accounts.1, seed]")) == [
        "variant.yaml:2:33: differs_in: nothing differs at accounts.0",
        "variant.yaml:2:57: differs_in: nothing differs at seed",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "extends: base.yaml\ndiffers_in: {seed: 1}\n",
            "variant.yaml:2:1: differs_in: a list of paths is needed",
        ),
        ("extends: base.yaml\ndiffers_in: [1]\n", "variant.yaml:2:14: differs_in: a list of paths is needed"),
        (
            "name: x\ndiffers_in: [seed]\n",
            "variant.yaml:2:1: differs_in: a scenario that extends nothing differs",
        ),
    ],
)
def test_what_a_variant_changes_is_a_list_of_paths(text: str, told: str) -> None:
    assert variant_refusal(text)[0].startswith(told)
    assert refusal("base.yaml", "differs_in=[seed]")[0].startswith(
        "--set differs_in=[seed]: differs_in: where a"
    )


def test_each_layer_is_held_to_its_own_list() -> None:
    Path("middle.yaml").write_text("extends: base.yaml\ndiffers_in: [horizon]\nhorizon: 2d\n", "utf-8")
    assert variant("extends: middle.yaml\ndiffers_in: [seed]\nseed: 4\n").scenario.seed == 4
    assert variant_refusal("extends: middle.yaml\ndiffers_in: [seed, horizon]\nseed: 4\n") == [
        "variant.yaml:2:20: differs_in: nothing differs at horizon"
    ]


def test_what_a_scenario_says_about_itself_is_not_inherited() -> None:
    toy = variant("extends: base.yaml\n").scenario
    assert (toy.name, toy.description) == ("toy", "")


def test_a_list_replaces_the_inherited_list() -> None:
    assert len(variant("extends: base.yaml\naccounts: [{system: rtgs}]\n").scenario.accounts) == 1


def test_null_removes_what_is_inherited() -> None:
    toy = variant("extends: base.yaml\nsystems:\n  dns: null\naccounts: null\n").scenario
    assert list(toy.systems) == ["rtgs"]
    assert toy.accounts == ()


def test_another_kind_replaces_the_inherited_mapping_wholly() -> None:
    toy = variant("extends: base.yaml\nsystems:\n  dns: {kind: gross, currency: BYN}\n").scenario
    assert toy.systems["dns"] == Gross(kind="gross", currency="BYN")


def test_what_another_kind_leaves_out_is_missed_in_the_variant() -> None:
    assert variant_refusal("extends: base.yaml\nsystems:\n  dns:\n    kind: gross\n") == [
        "variant.yaml:3:3: systems.dns: the key 'currency' is needed here"
    ]


def test_a_chain_of_variants_may_be_long() -> None:
    for number in range(200):
        parent = f"v{number - 1}.yaml" if number else "base.yaml"
        Path(f"v{number}.yaml").write_text(f"extends: {parent}\nseed: {number}\n", "utf-8")
    toy = load_as(Toy, "v199.yaml").scenario
    assert (toy.seed, len(toy.accounts)) == (199, 2)


def test_a_chain_that_comes_back_to_itself_is_told_once() -> None:
    Path("a.yaml").write_text("extends: sub/b.yaml\n", "utf-8")
    Path("sub").mkdir()
    Path("sub/b.yaml").write_text("extends: ../a.yaml\n", "utf-8")
    circle = "the scenario extends itself: a.yaml → sub/b.yaml → a.yaml"
    assert refusal("a.yaml") == [f"sub/b.yaml:1:10: extends: {circle}"]


def test_a_problem_in_a_parent_is_told_in_the_parents_file() -> None:
    Path("parent.yaml").write_text("extends: base.yaml\nseed: many\n", "utf-8")
    assert variant_refusal("extends: parent.yaml\nsystms: {}\n") == [
        "variant.yaml:2:1: systms: unknown key; did you mean 'systems'?",
        "parent.yaml:2:7: seed: a whole number is needed, found 'many'",
    ]


def test_a_problem_made_by_a_variant_is_told_in_the_variants_file() -> None:
    assert variant_refusal("extends: base.yaml\nsystems:\n  rtgs: null\n") == [
        "base.yaml:8:14: accounts.0.system: 'rtgs' is not declared under 'systems'"
    ]
    assert variant_refusal("extends: base.yaml\nsystems: {dns: {limit: 0.5}}\n") == [
        "variant.yaml:2:24: systems.dns.limit: a whole number is needed, found 0.5"
    ]


def test_a_parent_is_sought_beside_the_file_and_then_in_the_library(folder: Path) -> None:
    (folder / "library" / "base.yaml").write_text("seed: 11\n", "utf-8")
    (folder / "library" / "mechanisms" / "fifo.yaml").write_text("extends: base\n", "utf-8")
    assert library.names() == ["base", "mechanisms/fifo"]
    assert load_as(Toy, "mechanisms/fifo").scenario.seed == 11
    assert variant("extends: mechanisms/fifo\n").scenario.seed == 11
    (problem,) = refusal("mechanisms/ffio")
    assert problem.endswith("is no file and no library scenario; did you mean 'mechanisms/fifo'?")


@pytest.mark.skipif(sys.platform == "win32", reason="made of links and pipes")
@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "loop"])
def test_only_a_file_that_has_an_end_is_extended(kind: str, folder: Path) -> None:
    (folder / "there").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "endless").symlink_to("/dev/zero")
    (folder / "loop").symlink_to("loop")
    name, told = {
        "folder": ("there", "'there' is a folder; name one of the files in it"),
        "pipe": ("pipe", "'pipe' is a pipe or a device; a file is needed"),
        "device": ("endless", "'endless' is a pipe or a device; a file is needed"),
        "loop": ("loop", "'loop' is no file and no library scenario"),
    }[kind]
    (problem,) = variant_refusal(f"name: v\nextends: {name}\n")
    assert problem.startswith(f"variant.yaml:2:10: extends: {told}")


def test_a_circle_through_links_is_a_circle(folder: Path) -> None:
    (folder / "again").symlink_to(".")
    (folder / "other.yaml").symlink_to("variant.yaml")
    for name, circle in (
        ("other.yaml", "variant.yaml → other.yaml"),
        ("again/variant.yaml", "variant.yaml → again/variant.yaml"),
    ):
        (problem,) = variant_refusal(f"extends: {name}\n")
        assert problem == f"variant.yaml:1:10: extends: the scenario extends itself: {circle}"


def test_a_folder_named_like_a_library_scenario_does_not_hide_it(folder: Path) -> None:
    (folder / "library" / "plain.yaml").write_text("seed: 12\n", "utf-8")
    Path("plain").mkdir()
    assert load_as(Toy, "plain").scenario.seed == 12


def test_what_is_no_readable_file_is_refused() -> None:
    assert refusal(".") == [".: this is a folder; name one of the files in it"]
    assert refusal("basee.yaml") == [
        "basee.yaml: 'basee.yaml' is no file and no library scenario; did you mean 'base.yaml'?"
    ]
    assert refusal("x" * 5_000)[0].endswith("is no file and no library scenario")
    Path("wide.yaml").write_bytes("name: x".encode("utf-16"))
    assert refusal("wide.yaml") == ["wide.yaml: the file is in UTF-16 or UTF-32; save it as UTF-8"]


def test_a_scenario_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    given = b"extends: base.yaml\nseed: x\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8"))
    assert refusal("-") == ["<stdin>:2:7: seed: a whole number is needed, found 'x'"]


def test_overrides_are_laid_over_in_their_order() -> None:
    toy = load_as(
        Toy,
        "base.yaml",
        ["seed=1_000", "seed=5", "accounts.0.balance=7.25", "accounts[1].hours={open: 9:00, close: 16:30}"],
    ).scenario
    assert (toy.seed, toy.accounts[0].balance) == (5, Decimal("7.25"))
    assert toy.accounts[1].hours == Hours(open="9:00", close="16:30")


def test_an_override_follows_the_rules_of_a_variant() -> None:
    overrides = ["systems.dns.kind=gross", "systems.dns.currency=BYN", "systems.new={kind: net, limit: 1}"]
    toy = load_as(Toy, "base.yaml", [*overrides, "seed=null", "accounts[0]=null"]).scenario
    assert toy.systems["dns"] == Gross(kind="gross", currency="BYN")
    assert toy.systems["new"] == Net(kind="net", limit=1)
    assert (toy.seed, len(toy.accounts)) == (1, 1)


def test_an_override_changes_one_use_of_an_alias_only() -> None:
    text = "systems:\n  a: &a {kind: net, limit: 1}\n  b: *a\n"
    toy = variant(text, "systems.a.limit=2").scenario
    assert [system.limit for system in toy.systems.values() if isinstance(system, Net)] == [2, 1]


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("seed", "an override is written path=value, such as seed=7"),
        ("=7", "an override is written path=value, such as seed=7"),
        ("a..b=1", "'a..b' is not a path such as accounts.0.balance or accounts[0].balance"),
        ("seed=", "seed: a value is needed after '='; null removes the key"),
        ("seed=x", "seed: a whole number is needed, found 'x'"),
        ("description=a: b", "text with ': ' in it needs quotes (a mapping needs braces)"),
        ("description=[a", "the bracket opened here lacks a ',' or its ']'"),
        ("accounts.2.balance=1", "accounts.2: the list has entries 0 to 1"),
        ("accounts.first.balance=1", "accounts.first: the list has entries 0 to 1"),
        ("systems[0].limit=1", "systems: no list stands here, so it has no numbered entries"),
        ("seed.x=1", "seed: 'x' cannot be set below a single value"),
        ("acounts.0.balance=1", "acounts: nothing of that name is here; did you mean 'accounts'?"),
        ("sead=1", "sead: unknown key; did you mean 'seed'?"),
        ("horizon=null", "horizon: null removes an inherited key, but nothing is inherited here to remove"),
        ("systems.new.kind=net", "systems.new: the key 'limit' is needed here"),
        ("systems.dns.kind=gross", "systems.dns: the key 'currency' is needed here"),
        ("extends=other", "extends: what a scenario extends is said in its file"),
    ],
)
def test_a_problem_of_an_override_is_told_by_its_text(override: str, problem: str) -> None:
    assert refusal("base.yaml", override) == [f"--set {override}: {problem}"]


def test_all_problems_of_file_and_overrides_are_told_at_once() -> None:
    assert variant_refusal("seed: x\nnaem: y\n", "horizon=3", "accounts") == [
        "--set accounts: an override is written path=value, such as seed=7",
        "--set horizon=3: horizon: a duration needs a unit, such as 15min, 2h or 3d",
        "variant.yaml:1:7: seed: a whole number is needed, found 'x'",
        "variant.yaml:2:1: naem: unknown key; did you mean 'name'?",
    ]


def test_what_no_field_can_see_is_told_at_its_place() -> None:
    def check(toy: Toy) -> list[tuple[tuple[str | int, ...], str, str | None]]:
        return [
            (("accounts", 1, "balance"), f"seed {toy.seed} is odd", None),
            (("hours", "x"), "missing", "y"),
        ]

    with pytest.raises(ScenarioError) as caught:
        load_as(Toy, "base.yaml", checks=[check])
    assert str(caught.value).splitlines() == [
        "base.yaml:1:1: hours.x: missing; did you mean 'y'?",
        "base.yaml:10:14: accounts.1.balance: seed 3 is odd",
    ]


def test_a_loaded_scenario_can_locate_a_later_problem() -> None:
    loaded = load_as(Toy, "base.yaml", ["seed=4"])
    assert str(loaded.problem(("seed",), "is even")) == "--set seed=4: seed: is even"
    assert str(loaded.problem(("systems", "dns"), "is idle")) == "base.yaml:6:3: systems.dns: is idle"


def test_a_resolved_scenario_is_complete_and_loads_to_an_equal_one() -> None:
    toy = variant("extends: base.yaml\nname: v\nhorizon: 90min\n").scenario
    text = to_yaml(toy)
    assert "horizon: 90min" in text
    assert "lag: 0s" in text
    assert "balance: 2.50" in text
    Path("resolved.yaml").write_text(text, "utf-8")
    assert load_as(Toy, "resolved.yaml").scenario == toy
    assert to_yaml(load_as(Toy, "resolved.yaml").scenario) == text


@pytest.mark.parametrize("name", library.names())
def test_a_library_scenario_loads_and_so_does_its_resolved_text(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    loaded = load_located(name)
    scenario = loaded.scenario
    # A design has no keys of its own that win over its changes.
    assert loaded.overruled == ()
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(to_yaml(scenario), "utf-8")
    assert load(resolved) == scenario


# Lists by groups.


class Grouped(Toy):
    """The same, with accounts that may stand below their systems."""

    GROUPED: ClassVar = {("accounts",): "system"}


def grouped(text: str, *overrides: str) -> Loaded[Grouped]:
    Path("grouped.yaml").write_text(text, "utf-8")
    return load_as(Grouped, "grouped.yaml", overrides)


ABOVE = """\
systems:
  rtgs: {kind: gross, currency: CNY}
  dns: {kind: net, limit: 5}
accounts:
  rtgs:
    - {balance: 100}
    - {balance: 1}
  dns: [{balance: 2.50}]
"""


def test_entries_below_the_name_of_their_group_are_those_that_state_it() -> None:
    listed = load_as(Grouped, "base.yaml").scenario.accounts
    above = grouped(ABOVE, "accounts.rtgs.1=null").scenario.accounts
    assert above == listed
    assert grouped(ABOVE, "accounts.dns[0].balance=7").scenario.accounts[2].balance == 7


def test_a_variant_adds_a_group_and_removes_another() -> None:
    Path("above.yaml").write_text(ABOVE, "utf-8")
    text = "extends: above.yaml\nsystems: {new: {kind: net, limit: 1}}\naccounts: {rtgs: null, new: [{balance: 3}]}\n"
    found = [(account.system, account.balance) for account in grouped(text).scenario.accounts]
    assert found == [("dns", Decimal("2.50")), ("new", 3)]


def test_mistakes_in_groups_are_told_where_they_were_written() -> None:
    bad = ABOVE.replace("balance: 1}", "balance: -1}").replace("[{bal", "[{system: dns, bal")
    with pytest.raises(ScenarioError) as caught:
        grouped(bad + "  nowhere: [{}]\n")
    assert [str(problem) for problem in caught.value.problems] == [
        "grouped.yaml:7:17: accounts.rtgs.1.balance: must be at least 0, not -1",
        "grouped.yaml:8:18: accounts.dns.0.system: the entry stands under 'dns' already",
        "grouped.yaml:9:3: accounts.nowhere.0.system: 'nowhere' is not declared under 'systems'",
    ]


def test_parts_with_names_can_be_changed_added_and_removed_by_a_variant() -> None:
    class Named(Toy):
        """The same, with accounts that may have names."""

        GROUPED: ClassVar = {("accounts",): None}

    text = "systems: {rtgs: {kind: gross, currency: CNY}}\naccounts:\n"
    named = "  one: {system: rtgs, balance: 1}\n  two: {system: rtgs}\n  three: {system: rtgs, balance: 3}\n"
    Path("named.yaml").write_text(text + named, "utf-8")
    change = (
        "extends: named.yaml\naccounts: {four: {system: rtgs, balance: 4}, two: null, one: {balance: 7}}\n"
    )
    Path("variant.yaml").write_text(change, "utf-8")
    assert [account.balance for account in load_as(Named, "variant.yaml").scenario.accounts] == [7, 3, 4]
    with pytest.raises(ScenarioError) as caught:
        load_as(Named, "variant.yaml", ["accounts.three.balance=-1"])
    (problem,) = caught.value.problems
    assert str(problem) == (
        "--set accounts.three.balance=-1: accounts.three.balance: must be at least 0, not -1"
    )


def test_every_check_in_the_folder_is_made() -> None:
    names = [f"{check.__name__}.{module.name}" for module in pkgutil.iter_modules(check.__path__)]
    found = [
        function
        for name in names
        for key, function in vars(importlib.import_module(name)).items()
        if key.startswith("check_") and function.__module__ == name
    ]
    assert set(found) == set(check.CHECKS)
    assert len(check.CHECKS) == len(found)
