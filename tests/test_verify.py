"""Published cases are held against the simulator, and a case that cannot be read is told before anything runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import sim
from sim.cli import cli
from sim.scenario import library
from sim.verify import verdicts
from sim.verify.cases import cases
from sim.verify.computations import COMPUTATIONS
from sim.verify.model import Case, Condition, Drawn, Expectation
from sim.verify.page import validation_page

CHECKOUT = Path(__file__).parents[1]
PAGE = (CHECKOUT / "docs/verify.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

HEAD = "name: mine\nsource: a test\nevidence: predicted\n"
SCENARIO = """
scenario:
  period: {start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}
  systems:
    s: {kind: rtgs, currency: BYN, hours: {zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}
  accounts: {s: [{holder: A, balance: 100}, {holder: B, balance: 0}]}
  payments: {system: s}
payments: |
  payment_id,instructed_at,payer_bank,payee_bank,amount
  p1,2024-03-04T10:00,A,B,60
  p2,2024-03-04T10:30,A,B,45.25
  p3,2024-03-04T11:00,B,A,10
"""
RUNS = "runs:\n  poor: {}\n  rich: {accounts.s.0.balance: 200}\n"


def command(folder: Path, *texts: str, options: tuple[str, ...] = ()) -> Result:
    """`sim verify` of cases with these texts."""
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"case{number}.yaml")
        files[-1].write_text(text, encoding="utf-8")
    return CliRunner().invoke(cli, ["verify", *map(str, files), *options])


def told(folder: Path, text: str) -> list[str]:
    """What is wrong with a case: line and column, and the sentence."""
    result = command(folder, text)
    assert result.exit_code == 2
    assert result.stdout == ""
    return [line.partition("case0.yaml:")[2] for line in result.stderr.splitlines()]


def judged(folder: Path, *expectations: str, runs: str = "") -> list[tuple[Any, str]]:
    """Ours and the verdict of each expectation of the usual scenario."""
    text = HEAD + SCENARIO + runs + "expect:\n" + "".join(f"  - {{{one}}}\n" for one in expectations)
    (case,) = json.loads(command(folder, text, options=("--json",)).stdout)
    return [(one["ours"], one["verdict"]) for one in case["expectations"]]


#: Thirty-six runs.
LONG = "two-banks-two-periods"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name == LONG)) for name in library.cases()]
)
def test_every_case_that_comes_along_agrees_or_says_why_not(name: str) -> None:
    with cases([name]) as (read,):
        outcome = verdicts.verify(read)
    assert [one for one in outcome.expectations if one.verdict not in {"agrees", "differs"}] == []
    assert outcome.stale == ()
    assert outcome.name == name
    assert outcome.says
    page = (CHECKOUT / "docs/validation.md").read_text(encoding="utf-8")
    alone = validation_page([outcome])
    stated = [line for line in alone.splitlines() if line.startswith((f"| {name} |", f"- **{name},"))]
    assert len(stated) >= len(outcome.expectations)
    assert [line for line in stated if line not in page] == [], "`make docs` writes the page anew"


def test_the_placebo_would_see_a_change(tmp_path: Path) -> None:
    text = (CHECKOUT / "sim/data/cases/placebo.yaml").read_text(encoding="utf-8")
    moved = text.replace(
        "accounts.biss.3.holder: minsk-z", "accounts.biss.3: {holder: minsk-z, prefund_days: 1}"
    )
    moved = moved.replace("end: 2024-01-15", "end: 2024-01-06").replace("30d", "6d")
    assert moved != text
    result = command(tmp_path, moved, options=("--json",))
    (case,) = json.loads(result.stdout)
    assert case["expectations"][0]["verdict"] == "disagrees"
    assert case["expectations"][0]["ours"] > 0
    assert result.exit_code == 1


def test_the_cases_lie_in_the_package() -> None:
    """What lies in the folder of the package goes into the wheel with it."""
    folder = Path(verdicts.__file__).parents[1] / "data/cases"
    assert {f"{name}.yaml" for name in library.cases()} == {path.name for path in folder.iterdir()}
    assert len(library.cases()) > 15


# The page.


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_page_do_what_it_says(example: str, tmp_path: Path) -> None:
    result = command(tmp_path, example, options=("--json",))
    assert result.exit_code == 0, result.stderr
    (case,) = json.loads(result.stdout)
    verdicts = {one["what"]: one["verdict"] for one in case["expectations"]}
    differing = {"by the square root of time"} & verdicts.keys()
    assert verdicts == dict.fromkeys(verdicts, "agrees") | dict.fromkeys(differing, "differs")


def test_the_page_has_every_key_and_every_function() -> None:
    keys = {
        field.alias or name
        for model in (Case, Expectation, Condition, Drawn)
        for name, field in model.model_fields.items()
    }
    parameters = {name for one in COMPUTATIONS.values() for name in (*one.reads, *one.results)}
    cells = {
        name for line in PAGE.splitlines() if line.startswith("|") for name in re.findall(r"`(\w+)`?", line)
    }
    assert (keys | parameters | COMPUTATIONS.keys()) - cells - {"with"} == set()


# Verdicts and exit codes.


def test_all_agree(tmp_path: Path) -> None:
    result = command(tmp_path, HEAD + SCENARIO + "expect: [{measure: payments, is: 3}]\n")
    assert result.exit_code == 0
    assert re.search(r"· payments +3 +3 +agrees", result.stdout)
    assert "1 expectation of 1 case: 1 agrees\n" in result.stdout
    assert result.stderr == ""


def test_a_disagreement_fails_and_all_others_still_run(tmp_path: Path) -> None:
    wrong = HEAD + SCENARIO + "expect: [{measure: payments, is: 4}, {measure: payments, is: 3}]\n"
    right = HEAD + "expect: [{compute: capital_charge, with: {overall: 100}, is: 8}]\n"
    result = command(tmp_path, wrong, right)
    assert result.exit_code == 1
    assert re.search(r"payments +4 +3 +disagrees", result.stdout)
    assert "3 expectations of 2 cases: 2 agree, 1 disagrees\n" in result.stdout


@pytest.mark.parametrize("where", ["case", "expectation"])
def test_an_honest_miss_is_shown_and_does_not_fail(where: str, tmp_path: Path) -> None:
    inside, above = (", differs: on purpose", "") if where == "expectation" else ("", "differs: on purpose\n")
    expect = f"expect: [{{measure: payments, is: 4{inside}}}, {{measure: payments, is: 3}}]\n"
    result = command(tmp_path, HEAD + above + SCENARIO + expect)
    assert result.exit_code == 0
    assert re.search(r"payments +4 +3 +differs", result.stdout)
    assert "mine, payments: differs: on purpose" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("where", ["case", "expectation"])
def test_a_miss_that_is_none_is_told(where: str, tmp_path: Path) -> None:
    inside, above = (", differs: not so", "") if where == "expectation" else ("", "differs: not so\n")
    result = command(tmp_path, HEAD + above + SCENARIO + f"expect: [{{measure: payments, is: 3{inside}}}]\n")
    assert result.exit_code == 0
    what = "payments" if where == "expectation" else "mine"
    assert f"warning: mine: {what} agrees, though the case says that it differs" in result.stderr


def test_what_a_run_does_not_tell_fails_and_the_rest_is_told(tmp_path: Path) -> None:
    found = judged(tmp_path, "measure: delay.p59, is: 3", "measure: payments, is: 3", "measure: delay, is: 3")
    assert [verdict for _, verdict in found] == ["failed", "agrees", "failed"]
    text = HEAD + SCENARIO + "expect: [{measure: delay.p59, is: 3}]\n"
    result = command(tmp_path, text)
    assert result.exit_code == 1
    assert "mine, delay.p59: failed: delay has no 'p59'; did you mean 'p99'?" in result.stdout


def test_a_run_that_breaks_off_fails_its_case_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = verdicts.execute

    def broken(scenario: sim.Scenario, *, measures: tuple[str, ...]) -> sim.Results:
        if scenario.name == "broken":
            raise sim.PromiseError("money appeared")
        return whole(scenario, measures=measures)

    monkeypatch.setattr(verdicts, "execute", broken)
    expect = "expect: [{measure: payments, is: 3}, {compute: capital_charge, with: {overall: 100}, is: 8}]\n"
    good = HEAD + SCENARIO + expect
    result = command(tmp_path, good.replace("mine", "broken"), good, options=("--json",))
    assert result.exit_code == 1
    one, other = json.loads(result.stdout)
    assert [each["verdict"] for each in one["expectations"]] == ["failed", "agrees"]
    assert one["expectations"][0]["why"] == "money appeared"
    assert [each["verdict"] for each in other["expectations"]] == ["agrees", "agrees"]


# What can be asked.


def test_cells_are_told_by_column_and_condition(tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        "table: payments, is: 3",
        "table: payments, where: {status: [settled, pending], amount: {above: 1000, at_most: 4525}}, is: 1",
        "table: payments, column: amount, take: sum, times: 0.01, is: 115.25",
        "table: payments, column: amount, take: mean, where: {payer_bank: A}, times: 0.01, is: 52.625",
        "table: payments, column: amount, take: max, is: 6000",
        "table: payments, column: amount, take: median, is: 4525",
        "table: payments, column: amount, take: quantile, quantile: 0.5, is: 4525",
        "table: payments, column: settled_at, where: {payment_id: p3}, is: 2024-03-04 11:00:00",
        "table: payments, column: settled_at, take: min, is: 2024-03-04 10:00",
        "table: payments, column: settled_at, take: values, is: [2024-03-04 10:00, 2024-03-04 11:00, 2024-03-04 11:00]",
        "table: transfers, column: settled_at, minus: submitted_at, take: values, is: [0, 1800, 0]",
        "table: transfers, column: settled_at, minus: submitted_at, take: share, that: 0, is: 2/3",
        "table: transfers, column: queue_entry, take: count, is: 1",
        "table: transfers, where: {queue_entry: nothing}, is: 2",
        "table: transfers, where: {queue_entry: {at_least: 0}}, is: 1",
        "table: payments, where: {instructed_at: {at_least: 2024-03-04 10:30, below: 2024-03-04 11:00}}, is: 1",
        "table: payments, column: payment_id, take: set, is: [p3, p1, p2]",
        "table: payments, column: payment_id, where: {counted: true, payer_bank: {not: A}}, is: p3",
    )
    assert [verdict for _, verdict in found] == ["agrees"] * len(found)


@pytest.mark.parametrize(
    ("expectation", "agrees"),
    [
        ("is: 0.5, within: 0.34", True),
        ("is: 0.5, within: 0.3", False),
        ("is: 0.16, within: 5%", True),
        ("is: 0.16, within: 4%", False),
        ("between: [1/6, 1]", True),
        ("between: [0.17, 1]", False),
        ("at_least: 0.16, at_most: 0.17", True),
        ("at_most: 0.16", False),
        ("is: some", False),
        ("is: nothing", False),
    ],
)
def test_ours_is_as_near_as_the_case_asks(expectation: str, agrees: bool, tmp_path: Path) -> None:
    """The mean delay is that of the one payment that waits half an hour, over three."""
    asked = (
        f"table: transfers, column: settled_at, minus: submitted_at, take: mean, times: 1/3600, {expectation}"
    )
    ((ours, verdict),) = judged(tmp_path, asked)
    assert ours == pytest.approx(1 / 6)
    assert verdict == ("agrees" if agrees else "disagrees")


def test_runs_are_compared(tmp_path: Path) -> None:
    found = judged(
        tmp_path,
        "run: poor, measure: delay.mean, is: 1/6, within: 0.000001",
        "run: poor, less: rich, measure: delay.mean, is: 1/6, within: 0.000001",
        "run: rich, over: poor, table: accounts, column: opening_balance, take: sum, is: 2",
        "run: rich, less: poor, measure: '*', at_least: 0.1",
        "run: rich, less: rich, measure: '*', is: 0",
        "lowest_of: [poor, rich], measure: delay.mean, is: rich",
        "lowest_of: [poor, rich], measure: payments, is: 'poor, rich'",
        "run: rich, sum: [{measure: payments}, {measure: payments, run: poor, times: 2}], is: 9",
        runs=RUNS,
    )
    assert [verdict for _, verdict in found] == ["agrees"] * len(found)


def test_a_scenario_may_be_named_or_extended_from_the_folder_of_the_case(tmp_path: Path) -> None:
    text = SCENARIO.partition("payments: |")[0].removeprefix("\nscenario:\n")
    lines = [line.removeprefix("  ") for line in text.splitlines()]
    (tmp_path / "base.yaml").write_text("\n".join(["name: base", *lines]) + "\n", encoding="utf-8")
    rows = "payments:" + SCENARIO.partition("payments:")[2].partition("payments:")[2]
    for stated in ("base.yaml", "{extends: base.yaml, accounts.s.0.balance: 100}"):
        case = HEAD + f"scenario: {stated}\n" + rows + "expect: [{measure: settled_share, is: 1}]\n"
        assert command(tmp_path, case).exit_code == 0


def test_drawn_payments_are_the_same_again_and_others_by_another_seed(tmp_path: Path) -> None:
    def drawn(more: str) -> list[Any]:
        text = HEAD + SCENARIO.partition("payments: |")[0]
        text += (
            f"payments: {{count: 50, gap: {{kind: fixed, value: 1min}}, payers: [A], payees: [A, B]{more}}}\n"
        )
        text += "expect:\n  - {table: payments, column: amount, take: values, is: 1}\n"
        text += "  - {table: payments, column: instructed_at, take: max, is: 2024-03-04 09:50}\n"
        text += "  - {table: payments, where: {payee_bank: B}, is: 50}\n"
        (case,) = json.loads(command(tmp_path, text, options=("--json",)).stdout)
        assert [one["verdict"] for one in case["expectations"]][1:] == ["agrees", "agrees"]
        found: list[Any] = case["expectations"][0]["ours"]
        return found

    assert drawn(", amount: 7") == [700] * 50
    amounts = drawn(", amount: [1, 5]")
    assert set(amounts) == {100, 200, 300, 400, 500}
    assert drawn(", amount: [1, 5], seed: 1") == amounts
    assert drawn(", amount: [1, 5], seed: 2") != amounts


def test_drawn_payments_begin_with_the_period_of_their_run(tmp_path: Path) -> None:
    text = HEAD + SCENARIO.partition("payments: |")[0]
    text += "payments: {count: 5, gap: {kind: fixed, value: 1min}, payers: [A], payees: [B]}\n"
    text += "runs: {early: {}, late: {period.start: 2024-03-04 12:00}}\nexpect:\n"
    for run, clock in (("early", "09:01"), ("late", "12:01")):
        text += (
            f"  - {{run: {run}, table: payments, column: instructed_at, take: min, is: 2024-03-04 {clock}}}\n"
        )
    result = command(tmp_path, text)
    assert result.exit_code == 0, result.stdout


@pytest.mark.parametrize(
    ("function", "numbers", "result", "published"),
    [
        ("lognormal_losses", "position: -1, volatility: 0, years: 1, level: 0.9", "value_at_risk", "0"),
        (
            "normal_losses",
            "positions: [1, 0], covariance: [[4, 0], [0, 1]], years: 1, level: 0.5",
            "value_at_risk",
            "0",
        ),
        ("historical_losses", "profits: [-3, -3, 1], level: 0.5", "expected_shortfall", "3"),
        ("overall_position", "positions: [3, -5]", "", "5"),
        (
            "part_payment",
            "amount: 10, booked: 2, paid: [[5, 3]], now: 1, receivable: false",
            "realised",
            "-5",
        ),
        ("hedge_effectiveness", "hedge: 1, exposure: 0", "", "nothing"),
        ("flow_at_risk", "flows: [1, 1, 1]", "", "0"),
        ("forward_rate", "spot: 2, functional_rate: 0.1, foreign_rate: 0, years: 1", "", "2.2"),
        (
            "working_days",
            "calendars: CN, first: 2024-02-08, last: 2024-02-19",
            "gaps",
            "[2024-02-09 / 2024-02-18]",
        ),
        ("working_day", "calendars: [BY, CN], after: 2024-04-26", "", "2024-04-29"),
        ("working_day", "calendars: [BY, CN], after: 2024-04-27, days: 2", "", "2024-04-30"),
        ("working_day", "calendars: [BY, CN], after: 2024-05-01, days: 0", "", "2024-05-06"),
        ("settled_queue", "balances: [1, 0], queue: 1>2 1; 2>1 1; 1>2 5, rule: singly", "settled", "[1, 2]"),
        ("settled_queue", "balances: [0, 0], queue: 1>2 3; 2>1 3; 1>2 5, rule: bilateral", "value", "6"),
        ("settled_queue", "balances: [0, 4], queue: 1>2 3; 2>1 3; 2>1 4, rule: best", "left", "[4, 0]"),
        ("netting_efficiency", "queue: 1>2 10; 2>1 6", "", "3/4"),
    ],
)
def test_functions_of_numbers_say_what_is_known(
    function: str, numbers: str, result: str, published: str, tmp_path: Path
) -> None:
    asked = f"compute: {function}, with: {{{numbers}}}" + (f", result: {result}" if result else "")
    done = command(tmp_path, HEAD + f"expect: [{{{asked}, is: {published}}}]\n", options=("--json",))
    assert done.exit_code == 0, done.stdout


def test_numbers_that_a_function_refuses_fail(tmp_path: Path) -> None:
    asked = "compute: settled_queue, with: {balances: [1], queue: 1>2 1, rule: fifo}, result: value, is: 0"
    result = command(tmp_path, HEAD + f"expect: [{{{asked}}}]\n")
    assert result.exit_code == 1
    assert "settled_queue refuses these numbers" in " ".join(result.stdout.split())


# What cannot be read.


def test_everything_wrong_with_a_case_is_told_at_once(tmp_path: Path) -> None:
    text = (HEAD + SCENARIO).replace("source:", "sorce:").replace("currency: BYN", "curency: BYN")
    text = text.replace("p1,2024-03-04T10:00,A,B", "p1,2024-03-04T10:00,A,D")
    text += """expect:
  - {measure: dellay.mean, is: 3}
  - {table: payments, column: ammount, is: 3}
  - {compute: lognormal_losses, with: {positon: 3, level: 2}, is: 4}
  - {measure: payments, is: 3, within: -1}
  - {measure: payments}
"""
    assert told(tmp_path, text) == [
        "2:1: sorce: unknown key; did you mean 'source'?",
        "17:15: expect.0.measure: 'dellay' is no measure; did you mean 'delay'?",
        "18:31: expect.1.column: 'ammount' is no column of 'payments'; did you mean 'amount'?",
        "19:5: expect.2: the key 'result' is needed here; one of value_at_risk, expected_shortfall",
        "19:33: expect.2.with: the key 'volatility' is needed here",
        "19:33: expect.2.with: the key 'years' is needed here",
        "19:49: expect.2.with.positon: unknown parameter; did you mean 'position'?",
        "19:59: expect.2.with.level: a probability between 0 and 1 is needed",
        "20:40: expect.3.within: a tolerance is not negative",
        "21:5: expect.4: what was published is needed: 'is', 'between', 'at_least' or 'at_most'",
        "8:21: scenario.systems.s.curency: unknown key; did you mean 'currency'?",
    ]


def test_what_an_extended_scenario_does_not_have_is_told_with_its_cause(tmp_path: Path) -> None:
    extended = HEAD + "scenario: {extends: baseline, hours: null}\nexpect: [{measure: payments, is: 3}]\n"
    assert told(tmp_path, extended)[0].startswith("4:31: scenario.hours: this leads to the ")
    missing = HEAD + "scenario: basline\nexpect: [{measure: payments, is: 3}]\n"
    wrong = "4:11: scenario: 'basline' is no file and no library scenario; did you mean 'baseline'?"
    assert told(tmp_path, missing) == [wrong]


def test_a_wrong_row_of_payments_is_told_at_its_line(tmp_path: Path) -> None:
    text = HEAD + SCENARIO.replace("A,B,45.25", "A,D,45.251") + "expect: [{measure: payments, is: 3}]\n"
    found = told(tmp_path, text)
    assert all(line.startswith("14:1: payments.") for line in found)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("expect: []\n", "expect: needs at least 1 entries"),
        ("expect: [{measure: payments, is: null}]\n", "a missing value is called 'nothing'"),
        ("expect: [{measure: payments, is: 3, between: [1, 2]}]\n", "state one of 'is' and 'between'"),
        ("expect: [{measure: payments, between: [2, 1]}]\n", "the band ends before it begins"),
        ("expect: [{measure: payments, is: a, within: 1}]\n", "only a number that ours 'is' can be near"),
        ("expect: [{measure: payments, is: 3, within: some%}]\n", "a tolerance is a number"),
        ("expect: [{measure: payments, table: payments, is: 3}]\n", "one of 'measure', 'table', 'compute', 'sum'"),
        ("expect: [{measure: payments, column: amount, is: 3}]\n", "only a 'table' has this"),
        ("expect: [{table: payments, take: sum, is: 3}]\n", "the key 'column' is needed for 'sum'"),
        ("expect: [{table: payments, column: amount, take: share, is: 3}]\n", "the key 'that' is needed"),
        ("expect: [{measure: '*', is: 0}]\n", "can only be compared with another run's, 'less'"),
        ("expect: [{measure: payments, run: rich, is: 3}]\n", "'rich' is no run"),
        (RUNS + "expect: [{measure: payments, is: 3}]\n", "the key 'run' is needed here; one of poor, rich"),
        (RUNS + "expect: [{measure: payments, run: rch, is: 3}]\n", "'rch' is no run; did you mean 'rich'?"),
        (RUNS + "expect: [{sum: [{measure: payments}], is: 3}]\n", "expect.0.sum.0: the case has several runs"),
        ("runs: {a: {systems.s.kind: rtgz}}\nexpect: [{measure: payments, is: 3}]\n", "runs.a.systems.s.kind"),
        ("runs: {a: 3}\nexpect: [{measure: payments, is: 3}]\n", "runs.a: what is laid over the scenario is needed"),
        ("runs: {a: []}\nexpect: [{measure: payments, is: 3}]\n", "runs.a: what is laid over the scenario is needed"),
        ("name: twice\nexpect: [{measure: payments, is: 3}]\n", "the key 'name' stands here a second time"),
    ],
)  # fmt: skip
def test_a_case_that_cannot_be_meant_is_refused(more: str, wrong: str, tmp_path: Path) -> None:
    found = told(tmp_path, HEAD + SCENARIO + more)
    assert any(wrong in line for line in found), found
    assert all(re.match(r"\d+:\d+: ", line) for line in found), found


def test_a_case_without_a_scenario_has_no_runs(tmp_path: Path) -> None:
    found = told(tmp_path, HEAD + "runs: {a: {}}\npayments: x\nexpect: [{measure: payments, is: 3}]\n")
    assert sum("there is no 'scenario' that it could belong to" in line for line in found) == 2
    assert any("the case needs a 'scenario'" in line for line in found)


def test_of_several_cases_none_runs_if_one_cannot_be_read(tmp_path: Path) -> None:
    good = HEAD + "expect: [{compute: capital_charge, with: {overall: 100}, is: 8}]\n"
    result = command(tmp_path, good, HEAD + "expect: []\n", "[]", "a: [")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert {re.search(r"case(\d)", line)[1] for line in result.stderr.splitlines()} == {"1", "2", "3"}  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("gridlock-rng", "no library case; did you mean 'gridlock-ring'?"),
        ("nowhere.yaml", "no file"),
        (".", "this is a folder"),
    ],
)
def test_a_case_that_is_not_there_is_told(name: str, wrong: str) -> None:
    result = CliRunner().invoke(cli, ["verify", name])
    assert result.exit_code == 2
    assert wrong in result.stderr
