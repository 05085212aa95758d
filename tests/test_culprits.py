"""An error in a file that a scenario builds on is told below what the scenario itself says that leads to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny import write_scenario

import sim
from sim.cli import cli
from sim.errors import ScenarioError
from sim.scenario.load import load

BASELINE = "extends: baseline\n"


def told(text: str, *overrides: str, changes: tuple[str, ...] = ()) -> list[str]:
    """The lines for a variant, those in files of the library by their end."""
    Path("mine.yaml").write_text(f"{text}name: mine\n", "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load("mine.yaml", overrides, changes)
    return str(caught.value).splitlines()


def causes(lines: list[str]) -> list[str]:
    return [line for line in lines if " below, in " in line]


@pytest.fixture(autouse=True)
def here(folder: Path) -> Path:
    """Files of one's own stand in the current folder."""
    return folder


@pytest.mark.parametrize(
    ("slip", "cause"),
    [
        ("banks: {minsk-a: null}", "2:9: banks.minsk-a: this leads to the 12 errors"),
        ("systems: {hvps: null}", "2:11: systems.hvps: this leads to the 6 errors"),
        ("systems: {nostro-usd: {currency: EUR}}", "2:24: systems.nostro-usd.currency: this leads to the error"),
        ("hours: {china-office: null}", "2:9: hours.china-office: this leads to the 6 errors"),
        ("markets: {bcse: {pairs: {RUB/BYN: null}}}", "2:26: markets.bcse.pairs.RUB/BYN: this leads to the 5 errors"),
        ("sides.china.functional_currency: HKD", "2:1: sides.china.functional_currency: this leads to the 27 errors"),
        ("routes: {rub: null}", "2:10: routes.rub: this leads to the 5 errors"),
        # The list is too short, whatever is in it.
        ("accounts: {biss: [{holder: minsk-a, balance: 9}]}", "2:12: accounts.biss: this leads to the 6 errors"),
        ("accounts.nostro-usd.0: null", "2:1: accounts.nostro-usd.0: this leads to the error"),
    ],
)  # fmt: skip
def test_the_first_line_names_the_key_of_ones_own_file(slip: str, cause: str) -> None:
    first, *errors = told(f"{BASELINE}{slip}\nseed: 4\nhours.cips.source: mine\n")
    assert first == f"mine.yaml:{cause} below, in baseline.yaml"
    assert all("baseline.yaml:" in line for line in errors)
    number = cause.rsplit(" ", 2)[-2]
    assert len(errors) == (int(number) if number.isdecimal() else 1)


def test_each_of_several_slips_stands_before_its_own_errors() -> None:
    lines = told(f"{BASELINE}systems: {{hvps: null}}\nbanks: {{minsk-b: null}}\nmisspelt: 1\n")
    assert lines[0] == "mine.yaml:4:1: misspelt: unknown key"
    assert lines[1] == "mine.yaml:2:11: systems.hvps: this leads to the 6 errors below, in baseline.yaml"
    assert all("'hvps' is not declared" in line for line in lines[2:8])
    assert lines[8] == "mine.yaml:3:9: banks.minsk-b: this leads to the 2 errors below, in baseline.yaml"
    assert all("'minsk-b' is not declared" in line for line in lines[9:])
    assert len(lines) == 11


def test_what_mends_an_error_is_not_blamed_for_it() -> None:
    """A system goes with its accounts, but one of its two routes was forgotten."""
    text = f"{BASELINE}accounts: {{nostro-cny: null}}\nroutes: {{cny-to-china: null}}\nsystems: {{nostro-cny: null}}\n"
    blamed = [line.partition(": this")[0] for line in causes(told(text))]
    assert "mine.yaml:4:11: systems.nostro-cny" in blamed
    assert "mine.yaml:2:12: accounts.nostro-cny" not in blamed


def test_options_are_blamed_like_keys() -> None:
    Path("gone.yaml").write_text("says: No.\nseed: 2\nbanks.minsk-b: null\n", "utf-8")
    lines = told(f"{BASELINE}seed: 3\n", "systems.hvps=null", changes=("gone.yaml",))
    assert causes(lines) == [
        "--set systems.hvps=null: this leads to the 6 errors below, in baseline.yaml",
        "--with gone.yaml: its banks.minsk-b (gone.yaml:3:1) leads to the 2 errors below, in baseline.yaml",
    ]
    # Also for what is wrong then in the file that is run.
    lines = told("extends: baseline\nhours: {mine: {zone: UTC, sessions: ['09:00-17:00']}}\n"
                 "systems: {biss: {hours: mine}}\n", "hours.mine=null")  # fmt: skip
    assert lines == [
        "--set hours.mine=null: this leads to the error below, in mine.yaml",
        "mine.yaml:3:25: systems.biss.hours: 'mine' is not declared under 'hours'",
    ]


def test_a_change_that_is_listed_is_blamed_where_it_is_named() -> None:
    Path("gone.yaml").write_text("says: No.\nsystems: {hvps: null}\nseed: 2\n", "utf-8")
    first, *errors = told(f"{BASELINE}changes: [orders-all-day, gone.yaml]\n")
    assert first == (
        "mine.yaml:2:27: changes.1: its systems.hvps (gone.yaml:2:11) leads to the 6 errors below, in baseline.yaml"
    )
    assert len(errors) == 6
    # Where a key and a change do not fit together, the key is told, for the error stands in the change.
    first, error = told(f"{BASELINE}changes: [direct-cips]\nhours: {{cips: null}}\n")
    assert first == (
        "mine.yaml:3:9: hours.cips: this, together with changes.0 (mine.yaml:2:11), leads to the error below, "
        "in direct-cips.yaml"
    )
    assert error.endswith("systems.cips.hours: 'cips' is not declared under 'hours'")


def test_two_changes_that_disagree_are_both_named() -> None:
    first, *errors = told(BASELINE, changes=("direct-cips", "clearing-bank"))
    assert first.startswith("--with direct-cips: this, together with --with clearing-bank, leads to the ")
    assert all("disagree here" in line for line in errors)


def test_in_a_chain_the_file_that_slipped_is_named() -> None:
    Path("first.yaml").write_text(f"{BASELINE}seed: 2\nhours: {{biss: null}}\n", "utf-8")
    Path("second.yaml").write_text("extends: first.yaml\nseed: 1\ncalendars: {euro-area: null}\n", "utf-8")
    lines = told("extends: second.yaml\nseed: 5\nmarkets: {bcse: null}\n")
    inherited = "mine.yaml:1:10: extends: {} in what this extends leads to the error below, in baseline.yaml"
    assert causes(lines) == [
        inherited.format("calendars.euro-area (second.yaml:3:13)"),
        inherited.format("hours.biss (first.yaml:3:9)"),
        "mine.yaml:3:11: markets.bcse: this leads to the 3 errors below, in baseline.yaml",
    ]


def test_a_parent_that_is_wrong_itself_is_told_as_such() -> None:
    Path("parent.yaml").write_text(f"{BASELINE}seed: many\n", "utf-8")
    assert told("question: Why?\nextends: parent.yaml\nrun_in: 60d\n") == [
        "mine.yaml:2:10: extends: what this extends has the error below, in parent.yaml",
        "parent.yaml:2:7: seed: a whole number is needed, found 'many'",
    ]


def test_two_that_do_the_same_are_both_told() -> None:
    """The route takes no roubles any more, and if it did, none from China."""
    lines = told(
        f"{BASELINE}seed: 2\nroutes.rub.carries.currencies: [HKD]\n", "routes.rub.carries.payer=belarus"
    )
    key = "mine.yaml:3:1: routes.rub.carries.currencies: this"
    assert causes(lines) == [
        f"{key}, together with --set routes.rub.carries.payer=belarus, leads to the 3 errors below, in baseline.yaml",
        f"{key} leads to the 2 errors below, in baseline.yaml",
    ]
    assert all("from 'china' to 'belarus'" in line for line in lines[1:4])
    assert all("from 'belarus' to 'china'" in line for line in lines[5:])


def test_what_only_shows_while_the_world_is_built_has_its_cause_too() -> None:
    parent = write_scenario(Path(), "calendars: {c: {country: BY}}\n")
    parent.write_text(parent.read_text("utf-8").replace("calendar: always", "calendar: c"), "utf-8")
    Path("late.yaml").write_text(
        "name: late\nextends: tiny.yaml\nseed: 2\nperiod.start: 1950-03-04 09:00\n", "utf-8"
    )
    expected = "late.yaml:4:1: period.start: this leads to the error below, in tiny.yaml"
    for command in ("validate", "show", "run"):
        result = CliRunner().invoke(cli, [command, "late.yaml"])
        assert (result.exit_code, result.stderr.splitlines()[0]) == (2, expected)
    with pytest.raises(ScenarioError) as caught:
        sim.run("late.yaml")
    assert str(caught.value).splitlines()[0] == expected


def test_the_search_ends_even_if_much_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.scenario.load.MOST_TRIES", 3)
    text = f"{BASELINE}systems: {{hvps: null}}\nseed: 2\nrun_in: 3d\nhorizon: 3d\n"
    first, *errors = told(text)
    assert first.startswith(
        "mine.yaml:1:1: something in this file or beside it (too much is said here to tell what)"
    )
    assert len(errors) == 6
