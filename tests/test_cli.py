"""The command line says what it did on stdout, what is wrong on stderr, and how it went by its exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema
import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

import sim
from sim.cli import cli
from sim.scenario.library import names

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.quick

FEW_DAYS = ["--set", "period.end=2024-01-10", "--set", "run_in=6d", "--set", "horizon=6d"]
#: `file:line:column: path: message`; an override stands in the place of a file, and there may be no path.
LOCATED = re.compile(r"^(--set [^:]+|[^:]+:\d+:\d+): ([\w.-]+: )?\S.*$")


def started(
    *arguments: str, cwd: Path, given: bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """As the installed command: its entry point in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "sim", *arguments],
        cwd=cwd,
        input=given,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="sim")


def hashes(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "manifest.json").read_text("utf-8"))["tables"]
    return found


def table_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def first(folder: Path) -> Path:
    """A short run, by another process."""
    done = started("run", "baseline", "-o", "first", "--json", *FEW_DAYS, cwd=folder, PYTHONHASHSEED="1")
    assert done.returncode == 0, done.stderr
    (folder / "first.json").write_bytes(done.stdout)
    (folder / "first.err").write_bytes(done.stderr)
    return folder / "first"


@pytest.fixture(scope="module")
def piped(folder: Path) -> Path:
    """The same run from the resolved text, by a process that hashes otherwise."""
    shown = invoke("show", "baseline", *FEW_DAYS)
    assert (shown.exit_code, shown.stderr) == (0, "")
    arguments = ["run", "-", "-o", "piped", "--no-figures"]
    done = started(*arguments, cwd=folder, given=shown.stdout.encode(), PYTHONHASHSEED="2")
    assert done.returncode == 0, done.stderr
    return folder / "piped"


def test_two_processes_and_the_resolved_text_give_the_same_bytes(first: Path, piped: Path) -> None:
    tables = table_bytes(first)
    assert len(tables) > 10
    assert tables == table_bytes(piped)
    for name in ("measures.json", "scenario.yaml"):
        assert (first / name).read_bytes() == (piped / name).read_bytes()


def test_the_manifest_tells_equal_runs_by_their_hashes(first: Path, piped: Path) -> None:
    assert hashes(first) == hashes(piped)
    manifests = [json.loads((run / "manifest.json").read_text("utf-8")) for run in (first, piped)]
    assert manifests[0]["scenario_sha256"] == manifests[1]["scenario_sha256"]


def test_show_prints_what_a_run_saves(first: Path) -> None:
    assert invoke("show", "baseline", *FEW_DAYS).stdout == (first / "scenario.yaml").read_text("utf-8")


def test_json_on_stdout_is_json_and_nothing_else(first: Path, folder: Path) -> None:
    told = json.loads((folder / "first.json").read_text("utf-8"))
    assert (told["scenario"], told["seed"], told["folder"]) == ("baseline", 1, "first")
    assert told["measures"] == json.loads((first / "measures.json").read_text("utf-8"))
    assert all(set(measure) == {"value", "unit"} for measure in told["measures"].values())


def test_no_progress_is_shown_where_nobody_watches(first: Path, folder: Path) -> None:
    assert first.is_dir()
    lines = (folder / "first.err").read_bytes().splitlines()
    assert all(line.startswith(b"warning: ") for line in lines)


def test_figures_are_saved_and_drawn_again(first: Path, folder: Path) -> None:
    figures = sorted((first / "figures").glob("*.png"))
    assert figures
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in figures)
    for path in figures:
        path.unlink()
    result = invoke("plot", str(folder / "first"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(Path(line) for line in result.stdout.splitlines()) == figures
    assert all(path.is_file() for path in figures)


def test_runs_of_different_versions_of_the_model_are_not_set_side_by_side_without_a_word(
    first: Path, tmp_path: Path
) -> None:
    older = tmp_path / "older"
    shutil.copytree(first, older)
    manifest = json.loads((older / "manifest.json").read_text("utf-8"))
    manifest["versions"]["local-currency-settlement"] = "0.0.1"
    (older / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    drawn = str(tmp_path / "both.png")
    result = invoke("plot", str(first), str(older), "-o", drawn)
    assert result.exit_code == 0
    assert "warning: these runs were made by different versions of the model (0.0.1, " in result.stderr
    assert invoke("plot", str(first), str(first), "-o", drawn).stderr == ""


def test_another_seed_gives_other_tables(first: Path, tmp_path: Path) -> None:
    assert (
        invoke(
            "run", "baseline", "-o", str(tmp_path / "7"), "--seed", "7", "--no-figures", *FEW_DAYS
        ).exit_code
        == 0
    )
    one, other = hashes(first), hashes(tmp_path / "7")
    assert one["payments"] != other["payments"]
    assert one["obligations"] != other["obligations"]
    assert sim.open(tmp_path / "7").manifest["seed"] == 7


def test_a_run_goes_to_a_folder_of_its_name_and_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("run", "baseline", "--seed", "5", "--no-figures", *FEW_DAYS)
    assert result.exit_code == 0
    assert [path.as_posix() for path in Path().glob("*/*")] == ["runs/baseline-5"]
    assert "baseline, seed 5" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("runs/baseline-5")
    assert all(line.startswith("warning: ") for line in result.stderr.splitlines())


def test_several_scenarios_run_into_one_folder(tmp_path: Path) -> None:
    target = tmp_path / "all"
    arguments = ["baseline", "dollar-legacy", "-o", str(target), "--json", "--no-figures"]
    result = invoke("run", *arguments, *FEW_DAYS)
    assert result.exit_code == 0
    assert [told["scenario"] for told in json.loads(result.stdout)] == ["baseline", "dollar-legacy"]
    assert sorted(path.name for path in target.iterdir()) == ["baseline-1", "dollar-legacy-1"]


def test_the_same_scenario_twice_is_refused(tmp_path: Path) -> None:
    result = invoke("run", "baseline", "baseline", "-o", str(tmp_path / "all"), *FEW_DAYS)
    assert result.exit_code == 2
    assert "same run folder" in result.stderr
    assert not list(tmp_path.iterdir())


def test_validate_names_what_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("validate", "baseline", "golden-week")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        *("baseline: valid", "golden-week: valid"),
        "golden-week: extends baseline",
        (
            "golden-week: has the change duty-service: HVPS and Chinese banks work on two days in each of China's "
            "long holidays, and yuan has value on them."
        ),
    ]
    assert not list(tmp_path.iterdir())


def test_validate_tells_what_is_wrong_with_each_of_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("drawn.yaml").write_text("name: drawn\nextends: baseline\nflows: {goods: {value: 1e17}}\n", "utf-8")
    Path("text.yaml").write_text("name: text\nextends: baseline\nsede: 3\n", "utf-8")
    result = invoke("validate", "drawn.yaml", "text.yaml", "baseline")
    assert result.exit_code == 2
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["drawn.yaml", "text.yaml"]
    assert result.stdout.splitlines() == ["baseline: valid"]


def test_list_tells_each_scenario_and_its_question() -> None:
    result = invoke("list")
    assert (result.exit_code, result.stderr) == (0, "")
    for name in names():
        assert any(line.startswith(name) for line in result.stdout.splitlines())
    words = " ".join(result.stdout.replace("│", " ").split())
    assert sim.load("baseline").question[:30] in words


def subschemas(schema: object) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield schema
        for part in schema.values():
            yield from subschemas(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from subschemas(part)


def test_the_schema_is_valid_and_describes_every_key() -> None:
    result = invoke("schema")
    assert (result.exit_code, result.stderr) == (0, "")
    schema = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    found = list(subschemas(schema))
    assert len(found) > 20
    missing = [
        f"{part.get('title')}.{name}"
        for part in found
        for name, value in part["properties"].items()
        if not value.get("description")
    ]
    assert missing == []
    assert all(part.get("description") for part in found)


def test_the_schema_accepts_a_resolved_scenario_and_refuses_a_misspelt_one() -> None:
    schema = json.loads(invoke("schema").stdout)
    scenario = YAML(typ="safe", pure=True).load(invoke("show", "baseline").stdout)
    validator = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(scenario)] == []
    scenario["perod"] = scenario.pop("period")
    assert len(list(validator.iter_errors(scenario))) == 2


@pytest.mark.parametrize(
    "command",
    [
        *([], ["run"], ["validate"], ["show"], ["list"], ["new"], ["schema"], ["plot"], ["calibrate"]),
        *(["ensemble"], ["compare"], ["verify"], ["trace"]),
    ],
)
def test_every_command_has_help(command: list[str]) -> None:
    for option in ("--help", "-h"):
        result = invoke(*command, option)
        assert result.exit_code == 0
        assert result.stdout.startswith(" ".join(["Usage: sim", *command]))
        assert result.stderr == ""


def test_help_lists_every_command_of_this_file() -> None:
    assert set(cli.commands) == {
        "run",
        "validate",
        "show",
        "list",
        "new",
        "schema",
        "plot",
        "trace",
        "calibrate",
        "verify",
        "ensemble",
        "compare",
    }


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys\nfrom sim.cli import cli\n"
        "try: cli(['--help'])\nexcept SystemExit as done: assert done.code == 0\n"
        "print([name for name in sys.modules if name in "
        "{'numpy', 'pandas', 'matplotlib', 'scipy', 'pydantic', 'pyarrow', 'simpy', 'ruamel.yaml', 'rich'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_told() -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"sim, version \d+\.\d+\.\d+\n", result.stdout)


# What is wrong is told on one line, and nothing is written.

FILES = {
    "duplicate.yaml": "extends: baseline\nname: a\nname: b\n",
    "empty.yaml": "",
    "comment.yaml": "# nothing but words\n",
    "one.yaml": "extends: two.yaml\nname: one\n",
    "two.yaml": "extends: one.yaml\nname: two\n",
    "misspelt.yaml": "extends: baseline\nname: m\nperod: {end: 2024-02-01 00:00}\n",
    "fees.yaml": "extends: baseline\nname: f\nroutes:\n  usd:\n    weight: -0.5\n",
    "balance.yaml": (
        "extends: baseline\nname: b\naccounts:\n  - {holder: minsk-a, system: biss, balance: 10.125}\n"
    ),
    "currency.yaml": "extends: baseline\nname: c\nreporting_currency: CNX\n",
    "country.yaml": "extends: baseline\nname: c\ncalendars:\n  china: {country: Chinna}\n",
    "late.yaml": "extends: baseline\nname: l\nperiod: {start: 2026-11-01 00:00, end: 2026-12-01 00:00}\n",
    "latin.yaml": b"name: caf\xe9\n",
}

OVERRIDES = {
    "perod.end=2024-02-01": "perod: nothing of that name is here; did you mean 'period'?",
    "period.ned=2024-02-01": "period.ned: unknown key; did you mean 'end'?",
    "seed": "an override is written path=value, such as seed=7",
    "flows.food.value=-5": "flows.food.value: must be greater than 0, not -5",
    "accounts.biss.0.balance=5.125": "accounts.biss.0.balance: 5.125 has more than 2 decimals, the most BYN has",
    "reporting_currency=CNX": (
        "reporting_currency: 'CNX' is not an ISO 4217 currency code; did you mean 'CNY'?"
    ),
    "run_in=5": "run_in: a duration needs a unit, such as 15min, 2h or 3d",
    "period.zone=Europe/Misk": (
        "period.zone: 'Europe/Misk' is not a time zone such as Europe/Minsk; did you mean 'Europe/Minsk'?"
    ),
}

PROBLEMS = {
    "fees.yaml": "fees.yaml:5:13: routes.usd.weight: must be at least 0, not -0.5",
    "misspelt.yaml": "misspelt.yaml:3:1: perod: unknown key; did you mean 'period'?",
    "currency.yaml": (
        "currency.yaml:3:21: reporting_currency: 'CNX' is not an ISO 4217 currency code; did you mean 'CNY'?"
    ),
    "duplicate.yaml": "duplicate.yaml:3:1: name: the key 'name' stands here a second time; first on line 2",
    "empty.yaml": "empty.yaml:1:1: nothing is written here",
    "latin.yaml": "latin.yaml:1:10: a byte that is not UTF-8; save the file as UTF-8",
}


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(bad: Path, *arguments: str) -> list[str]:
    """The lines on stderr of a command that must fail and write nothing."""
    before = sorted(bad.rglob("*"))
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert sorted(bad.rglob("*")) == before
    return result.stderr.splitlines()


@pytest.mark.parametrize(("name", "problem"), PROBLEMS.items(), ids=PROBLEMS)
def test_a_faulty_file_is_told_on_one_line(name: str, problem: str, bad: Path) -> None:
    for command in ("validate", "run"):
        assert refused(bad, command, name) == [problem]
    assert LOCATED.match(problem)


@pytest.mark.parametrize(("override", "problem"), OVERRIDES.items(), ids=OVERRIDES)
def test_a_faulty_override_is_told_on_one_line(override: str, problem: str, bad: Path) -> None:
    assert refused(bad, "run", "baseline", "--set", override) == [f"--set {override}: {problem}"]


def test_a_faulty_file_that_another_extends_is_told_with_where_that_is_said(bad: Path) -> None:
    for command in ("validate", "run"):
        assert refused(bad, command, "one.yaml") == [
            "one.yaml:1:10: extends: what this extends has the error below, in two.yaml",
            "two.yaml:1:10: extends: the scenario extends itself: one.yaml → two.yaml → one.yaml",
        ]


def test_no_folder_or_unknown_name_is_a_scenario(bad: Path) -> None:
    assert refused(bad, "validate", "folder") == ["folder: this is a folder; name one of the files in it"]
    message = "basline: 'basline' is no file and no library scenario; did you mean 'baseline'?"
    assert refused(bad, "run", "basline") == [message]
    assert refused(bad, "show", "one.yml")[0].endswith("did you mean 'one.yaml'?")


def test_all_faulty_scenarios_are_told_at_once(bad: Path) -> None:
    lines = refused(bad, "validate", "baseline", "misspelt.yaml", "fees.yaml", "--set", "seed=x")
    assert [line.split(": ")[0] for line in lines if not line.startswith("--set")] == [
        "misspelt.yaml:3:1",
        "fees.yaml:5:13",
    ]
    assert [line for line in lines if line.startswith("--set")] == [
        "--set seed=x: seed: a whole number is needed, found 'x'"
    ]


def test_a_balance_with_three_decimals_is_told_where_it_stands(bad: Path) -> None:
    lines = refused(bad, "validate", "balance.yaml")
    expected = "balance.yaml:4:46: accounts.0.balance: 10.125 has more than 2 decimals, the most BYN has"
    assert expected in lines


def test_a_country_that_is_none_is_told(bad: Path) -> None:
    for command in ("validate", "show", "run"):
        (line,) = refused(bad, command, "country.yaml")
        assert LOCATED.match(line)
        assert line.startswith("country.yaml:4:")
        assert "calendars.china" in line
        assert "'Chinna' is no calendar known to the holidays package; did you mean 'CN'" in line


def test_days_without_rates_are_told(bad: Path) -> None:
    for command in ("validate", "show", "run"):
        cause, line = refused(bad, command, "late.yaml")
        assert cause.endswith(": this leads to the error below, in baseline.yaml")
        assert re.search(
            r"baseline\.yaml:\d+:\d+: fx: the shipped history knows \w{3} from \S+ to \S+, but the run", line
        )


def test_a_pair_without_a_path_is_refused_at_its_line_even_if_nobody_trades_it(bad: Path) -> None:
    (bad / "quoted.yaml").write_text(
        "name: quoted\nextends: baseline\nfx: {kind: constant, rates: {BYN: 3.2, CNY: 7.2, EUR: 0.9, RUB: 90}}\n"
        "markets:\n  bcse:\n    pairs: {HKD/BYN: {spread_bps: 5}}\n"
    )
    assert refused(bad, "validate", "quoted.yaml") == [
        "quoted.yaml:6:13: markets.bcse.pairs.HKD/BYN: no rate of HKD is declared; add it to BYN, CNY, EUR, RUB"
    ]


def test_a_route_without_an_account_is_told(bad: Path) -> None:
    cause, line = refused(bad, "validate", "baseline", "--set", "accounts.nostro-usd.1=null")
    assert cause == "--set accounts.nostro-usd.1=null: this leads to the error below, in baseline.yaml"
    assert re.search(
        r"baseline\.yaml:\d+:\d+: routes\.usd\.steps\.nostro: 'minsk-b' has no account in 'nostro-usd'$", line
    )


@pytest.mark.parametrize("flag", ["--json", "--no-figures"])
def test_a_foreign_folder_is_left_alone(flag: str, bad: Path) -> None:
    (bad / "folder" / "letter.txt").write_text("dear", "utf-8")
    lines = refused(bad, "run", "baseline", "-o", "folder", flag, *FEW_DAYS)
    assert lines == ["folder: exists and is not a run; choose another folder with -o"]


def test_a_place_that_cannot_be_written_is_told(bad: Path) -> None:
    lines = refused(bad, "run", "baseline", "-o", "one.yaml/run", "--no-figures", *FEW_DAYS)
    assert len(lines) == 1
    assert "one.yaml/run: the folder cannot be written" in lines[0]


def test_what_is_no_run_is_not_plotted(bad: Path) -> None:
    for name, why in (
        ("folder", "it has no manifest.json"),
        ("nowhere", "there is no such folder"),
        ("one.yaml", "it has no manifest.json"),
    ):
        assert refused(bad, "plot", name) == [f"{name}: not a run folder ({why})"]


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["validate"], ["rum"], ["run", "baseline", "--seed", "-1"], ["run", "baseline", "--sed", "1"]],
    ids=" ".join,
)
def test_bad_usage_is_exit_code_2(arguments: list[str], bad: Path) -> None:
    lines = refused(bad, *arguments)
    assert lines[0].startswith("Usage: sim")
    assert lines[-1].startswith("Error: ")


def test_a_fault_on_standard_input_is_told_with_its_place(bad: Path) -> None:
    piped = started("validate", "-", cwd=bad, given=b"extends: baseline\nname: x\nsede: 3\n")
    assert (piped.returncode, piped.stdout) == (2, b"")
    assert piped.stderr.decode() == "<stdin>:3:1: sede: unknown key; did you mean 'seed'?\n"


def test_a_time_of_day_needs_no_quotes(bad: Path) -> None:
    text = "extends: baseline\nname: t\ntreasuries:\n  minsk: {at: 16:30}\n"
    (bad / "afternoon.yaml").write_text(text, "utf-8")
    shown = invoke("show", "afternoon.yaml")
    assert shown.exit_code == 0
    assert YAML(typ="safe", pure=True).load(shown.stdout)["treasuries"]["minsk"]["at"] == "16:30"
    assert sim.load("baseline", ["treasuries.minsk.at=16:30"]).treasuries["minsk"].at == ("16:30",)


class Interrupted(NamedTuple):
    """How a run ended that was interrupted while it simulated."""

    exit_code: int
    stderr: str
    left: list[Path]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    if sys.platform == "win32":
        pytest.skip("no such signal there")
    code = """\
import sys, time
import sim.results.execute as executing
from sim.__main__ import main

def simulate(*arguments):
    print("simulating", flush=True)
    time.sleep(60)

executing.simulate = simulate
main()"""
    folder = tmp_path_factory.mktemp("interrupted")
    arguments = [sys.executable, "-c", code, "run", "baseline", "-o", "run", *FEW_DAYS]
    with subprocess.Popen(
        arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "simulating\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    return Interrupted(process.returncode, stderr, list(folder.iterdir()))


def test_an_interrupted_run_leaves_nothing(interrupted: Interrupted) -> None:
    assert interrupted.exit_code != 0
    assert interrupted.stderr == "interrupted\n"
    assert interrupted.left == []


def test_an_interrupted_run_leaves_with_130(interrupted: Interrupted) -> None:
    assert interrupted.exit_code == 130
