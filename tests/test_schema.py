"""An editor knows scenarios as people write them, and `sim new` begins one."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

import sim
from sim.cli import cli
from sim.errors import ScenarioError
from sim.scenario import library
from sim.scenario.schema import written_schema
from sim.scenario.start import SCHEMA

FILES = sorted(library.folder().rglob("*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(written_schema())


def as_an_editor_reads(text: str) -> Any:  # noqa: ANN401
    def plain(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, dict):
            return {str(key): plain(child) for key, child in value.items()}
        if isinstance(value, list):
            return [plain(child) for child in value]
        return value.isoformat() if isinstance(value, date) else value

    return plain(YAML(typ="safe", pure=True).load(text))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_of_the_library_passes_the_schema(file: Path) -> None:
    assert [
        error.message for error in VALIDATOR.iter_errors(as_an_editor_reads(file.read_text("utf-8")))
    ] == []


@pytest.mark.parametrize("page", ["README.md", "docs/model.md", "docs/rates.md"])
def test_what_the_pages_write_passes_the_schema(page: str) -> None:
    text = (Path(__file__).parents[1] / page).read_text("utf-8")
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "\nsteps:" not in block]
    assert blocks
    for block in blocks:
        # What neither has a name nor says anything of itself is a part of a variant.
        part = "" if re.search("^(name|says):", block, re.MULTILINE) else "name: x\nextends: baseline\n"
        VALIDATOR.validate(as_an_editor_reads(part + block))


RIGHT = """\
seed: 4
run_in: 0
accounts: {biss: {"0": {prefund_days: 3}, "1": null}}
accounts: {biss: {add: [{holder: minsk-e, balance: 5}]}}
accounts: {"*": {"*": {prefund_days: 3}}}
accounts.*.*.prefund_days: 3
accounts.biss.0.prefund_days: 3
accounts.biss[0].prefund_days: 3
accounts.biss.add: [{holder: minsk-e, balance: 5}]
hours: {"*": {source: mine}}
hours.biss.sessions: ["09:00-17:00"]
hours.biss.sessions.0: 09:00-17:00
hours: {biss: {sessions: {"0": "09:00-17:00", add: ["18:00-19:00"]}}}
hours.cips: null
routes.usd.steps.look: {kind: screen, after: transit, at: payee_bank, probability: 0.1, work: {kind: fixed, value: 1h}}
routes: {usd: {steps: {review: {work: {p95: 60h}}}}}
routes.*.steps.review.probability: 0.2
routes.*.steps.*.fee.share: 0.002
routes: {usd: {carries: {currencies: {add: [HKD]}}}}
systems.biss: {kind: dns, currency: BYN, hours: biss, cycles: ["12:00"]}
timeline.add: [{kind: outage, system: hvps, from: 2024-06-18 10:00, to: 2024-06-18 16:00}]
fx: {bridge: {BYN: {volatility: 0.05}}}
fx.bridge.BYN.volatility: 0.05
flows.goods.terms.prepayment.days.0: 2
flows.*.value: 900_000_000
markets.bcse.pairs.*.spread_bps: 20
changes: [orders-all-day]
period.end: 2024-06-01
"""
WRONG = """\
seed: four
seed: 4.5
run_in: 60
sede: 4
accounts: {biss: {"0": {prefund_dayz: 3}}}
accounts: {biss: {add: [{holdr: minsk-e}]}}
accounts: {biss: {add: {holder: minsk-e}}}
accounts: {"*": {"*": {prefund_dayz: 3}}}
accounts.*.*.prefund_dayz: 3
accounts.biss.0.prefund_dayz: 3
acounts.biss.0.prefund_days: 3
accounts.biss.add: [{holdr: minsk-e}]
hours: {"*": {sorce: mine}}
hours: {not a name: {zone: UTC, sessions: ["09:00-17:00"]}}
hours.biss.sesions: ["09:00-17:00"]
hours.biss.sessions: 09:00-17:00
routes: {usd: {steps: {look: {kind: screen, afer: transit, at: payee_bank, probability: 0.1}}}}
routes.usd.steps.review.probability: 2
routes.*.steps.review.probabilty: 0.2
systems.biss: {kind: dns, currency: BYN, hours: biss, cycels: ["12:00"]}
systems: {biss: {queue: bypas}}
timeline.add: [{kind: outage, system: hvps, frm: 2024-06-18 10:00}]
fx.bridge.BYN.volatilty: 0.05
flows.*.valu: 9
flows.goods.terms.prepayment.days.0: two
differs_in: null
changes: {add: [orders-all-day]}
changes: null
name: null
extends: null
"""


@pytest.mark.parametrize("line", [*RIGHT.splitlines(), *WRONG.splitlines()])
def test_schema_and_loader_agree_on_what_is_written(line: str, folder: Path) -> None:
    head = {"name": "name: mine", "extends": "extends: baseline"}
    text = "".join(f"{said}\n" for key, said in head.items() if not line.startswith(key)) + f"{line}\n"
    (folder / "mine.yaml").write_text(text, "utf-8")
    misread = []
    try:
        sim.load("mine.yaml")
    except ScenarioError as error:
        # A bank that nobody declares, or an account that goes, is not a matter of how it is written.
        misread = [one for one in error.problems if one.cause is None and "minsk-e" not in str(one)]
    right = line in RIGHT.splitlines()
    assert (VALIDATOR.is_valid(as_an_editor_reads(text)), not misread) == (right, right), misread


def test_a_change_says_only_what_a_change_can() -> None:
    assert VALIDATOR.is_valid({"name": "x", "extends": "baseline", "differs_in": "seed", "seed": 3})
    assert VALIDATOR.is_valid({"says": "It differs.", "seed": 3})
    assert VALIDATOR.is_valid(
        {"says": "It differs.", "require": ["direct-cips"], "accounts.*.*.prefund_days": 3}
    )
    for wrong in (
        {},
        {"name": "x"},
        {"seed": 3, "extends": "baseline"},
        {"seed": 3, "changes": []},
        {"sede": 3},
    ):
        assert not VALIDATOR.is_valid({"says": "It differs.", **wrong})


def test_an_editor_may_read_a_number_with_underscores_as_text() -> None:
    """So says YAML 1.2; other text is no number."""
    for text, passes in (("900_000_000", True), ("2_000.5", True), ("9e8", False), ("many", False)):
        written = {"name": "x", "extends": "baseline", "flows": {"food": {"value": text}}}
        assert VALIDATOR.is_valid(written) is passes


def test_a_resolved_scenario_passes_the_schema() -> None:
    shown = CliRunner().invoke(cli, ["show", "national-currency"])
    VALIDATOR.validate(as_an_editor_reads(shown.stdout))


def misspelt(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """The places of all keys in a tree."""
    if isinstance(node, dict):
        return [(*path, key) for key in node] + [
            place for key, child in node.items() for place in misspelt(child, (*path, key))
        ]
    if isinstance(node, list):
        return [place for number, child in enumerate(node) for place in misspelt(child, (*path, number))]
    return []


@pytest.mark.parametrize("name", ["baseline", "national-currency", "cyber-outage", "mechanisms/limits"])
def test_a_misspelt_key_does_not_pass(name: str) -> None:
    """Each key that the declarations give is misspelt once; names that users give are free."""
    text = (library.folder() / f"{name}.yaml").read_text("utf-8")
    tree = as_an_editor_reads(text)
    declared = {
        key for definition in written_schema()["$defs"].values() for key in definition.get("properties", {})
    }
    passed = []
    places = [path for path in misspelt(tree) if path[-1] in declared and path[-1] != "extends"]
    for path in places[:: max(1, len(places) // 40)]:
        broken = as_an_editor_reads(text)
        inside = broken
        for step in path[:-1]:
            inside = inside[step]
        inside[f"{path[-1]}z"] = inside.pop(path[-1])
        if VALIDATOR.is_valid(broken):
            passed.append(path)
    # What is left is called by its user as a field elsewhere is called, such as a bank or a currency.
    assert [
        path for path in passed if path[-2:-1] not in {("steps",), ("routes",), ("systems",), ("hours",)}
    ] == []


def test_new_writes_a_start_that_is_valid_and_completes(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["new", "mine.yaml", "--from", "cyber-outage"])
    assert (done.exit_code, done.stderr) == (0, "")
    text = (folder / "mine.yaml").read_text("utf-8")
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA}\n")
    assert sim.load("mine.yaml").name == "mine"
    assert sim.load("mine.yaml").flows == sim.load("cyber-outage").flows
    schema = json.loads((folder / SCHEMA).read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(as_an_editor_reads(text))
    # Every line that is commented out may be written.
    (folder / "all.yaml").write_text(re.sub(r"(?m)^# (?=[a-z]+:( |$)| )", "", text), "utf-8")
    assert "timeline" not in sim.load("all.yaml").model_dump(exclude_unset=True)


def test_new_starts_from_a_file_in_another_folder(folder: Path) -> None:
    (folder / "sub").mkdir()
    assert CliRunner().invoke(cli, ["new", "first one.yaml"]).exit_code == 0
    assert CliRunner().invoke(cli, ["new", "sub/second.yaml", "--from", "first one.yaml"]).exit_code == 0
    second = as_an_editor_reads((folder / "sub" / "second.yaml").read_text("utf-8"))
    assert second["extends"] == "../first one.yaml"
    assert sim.load("sub/second.yaml").name == "second"
    assert sim.load("first one.yaml").name == "first-one"


@pytest.mark.parametrize("name", ["a: b", "# x", "yes", "it's", "x" * 240, "Расчёты", "a'b\"c", "*x", "_"])
def test_new_takes_any_name_of_a_file(name: str, folder: Path) -> None:
    (folder / "mine.yaml").write_text("name: mine\nextends: baseline\n", "utf-8")
    for file, parent in ((f"{name}.yaml", "mine.yaml"), ("child.yaml", f"{name}.yaml")):
        done = CliRunner().invoke(cli, ["new", file, "--from", parent])
        assert done.exit_code == 0, done.stderr
        assert sim.load(file).flows
    assert {path.name for path in folder.iterdir()} == {"mine.yaml", f"{name}.yaml", "child.yaml", SCHEMA}


def test_new_writes_over_nothing(folder: Path) -> None:
    (folder / "mine.yaml").write_text("precious", "utf-8")
    done = CliRunner().invoke(cli, ["new", "mine.yaml"])
    assert (done.exit_code, done.stderr) == (2, "mine.yaml: exists already; name a new file\n")
    (folder / SCHEMA).write_text("precious", "utf-8")
    other = CliRunner().invoke(cli, ["new", "other.yaml"])
    assert other.exit_code == 0
    assert "it stays" in other.stderr
    assert {path.name: path.read_text("utf-8") for path in (folder / SCHEMA, folder / "mine.yaml")} == {
        SCHEMA: "precious",
        "mine.yaml": "precious",
    }
    wrong = CliRunner().invoke(cli, ["new", "third.yaml", "--from", "basline"])
    assert wrong.exit_code == 2
    assert "did you mean 'baseline'?" in wrong.stderr
    assert not (folder / "third.yaml").exists()
    assert CliRunner().invoke(cli, ["new", "none/third.yaml"]).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([""], "the name of a new file is needed"),
        (["-"], "-: the name of a new file is needed"),
        ([SCHEMA], "this is what the schema beside a scenario is called; name the scenario otherwise"),
        (
            ["baseline"],
            "this would hide the library's 'baseline'; name another file, such as my-baseline.yaml",
        ),
        (
            ["a.yaml", "--from", "direct-cips"],
            "'direct-cips' is a change; name it under 'changes' of a scenario",
        ),
        (["a.yaml", "--from", "a.yaml"], "'a.yaml' is no file and no library scenario"),
        (["a.yaml", "--from", "."], "this is a folder; name one of the files in it"),
    ],
)
def test_new_tells_what_it_cannot_begin(arguments: list[str], told: str, folder: Path) -> None:
    done = CliRunner().invoke(cli, ["new", *arguments])
    assert done.exit_code == 2
    assert told in done.stderr
    assert not list(folder.iterdir())


def test_a_scenario_named_as_a_change_is_told_as_one() -> None:
    done = CliRunner().invoke(cli, ["validate", "baseline", "--with", "golden-week"])
    assert done.stderr == "--with golden-week: 'golden-week' is a scenario; a change is needed here\n"
