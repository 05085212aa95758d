"""Nothing of a user's text reaches a terminal, a page or a figure raw."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sim.cli import cli
from sim.errors import Problem, RunError
from sim.readable import encodable, readable
from sim.results.html import results_html
from sim.scenario.load import load
from sim.show.console import output, print_library
from sim.show.summary import print_summary

if TYPE_CHECKING:
    from pathlib import Path

    from sim.results.results import Results

#: An escape sequence, one of a single byte, a turn of the direction of writing, and steps back over what was told.
EVIL = "\x1b[31m \x9b2J \u202e \u2066 \r\b \x7f [red]x[/red]"


def told(*arguments: str, code: int) -> str:
    """All that a command tells, which must be free of anything but visible characters, spaces and line ends."""
    result = CliRunner().invoke(cli, list(arguments), prog_name="sim")
    assert result.exit_code == code, result.output
    assert result.output.replace("\n", "").isprintable()
    return result.output


@pytest.mark.parametrize("character", [c for c in EVIL if not c.isprintable()] + ["\n", "\u2028", "\udcff"])
def test_what_commands_a_terminal_is_spelt_out(character: str) -> None:
    assert readable(f"a{character}b") == f"a{character.encode('unicode_escape').decode()}b"


def test_what_is_written_in_any_script_stays() -> None:
    text = "Расчёты 结算 a\u3000b −5 C:\\new é 😀"
    assert readable(text) == text


def test_what_is_readable_is_encodable() -> None:
    assert encodable("█ −5 Ж", "ascii") == r"# -5 \u0416"
    assert encodable("█ −5 Ж", "cp1251") == "# -5 Ж"


def test_errors_quote_in_readable_form() -> None:
    for error in (RunError(f"{EVIL}: no"), Problem("a.yaml:1:1", EVIL, f"{EVIL}\n")):
        assert str(error).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "extends: baseline\nname: e\n? {evil}\n: 1\n",
        "extends: baseline\nname: {evil}\nperiod: {{zone: {evil}}}\nreporting_currency: {evil}\n",
        "extends: baseline\nname: e\nfirms:\n  ? {evil}\n  : {{side: {evil}}}\n",
    ],
)
def test_a_fault_of_a_file_is_told_in_readable_form(text: str, folder: Path) -> None:
    name = f"{EVIL.replace('/', '')}.yaml"
    (folder / name).write_text(text.format(evil=json.dumps(EVIL)), "utf-8")
    for line in told("validate", name, code=2).splitlines():
        assert line.startswith("\\x1b[31m")


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", EVIL],
        ["validate", "baseline", "--set", f"{EVIL}=1"],
        ["validate", "baseline", "--set", f"seed={EVIL}"],
        ["plot", EVIL],
    ],
)
def test_what_is_wrong_on_the_command_line_is_told_in_readable_form(
    arguments: list[str], folder: Path
) -> None:
    assert folder.is_dir()
    assert told(*arguments, code=2)


def test_a_question_is_text_and_no_markup(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "q.yaml").write_text(
        f"extends: baseline\nname: q\nquestion: {json.dumps(EVIL)}\ndescription: {json.dumps('x ' * 90 + EVIL)}\n"
    )
    assert told("show", "q.yaml", code=0)
    scenario = load("q.yaml")
    print_library([("q", scenario.question)], output())
    line = capsys.readouterr().out.replace("\n", "")
    assert line.isprintable()
    assert "[red]x[/red]" in line


def test_a_summary_shows_names_as_they_are(
    baseline_run: Results, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = baseline_run.scenario.model_copy(update={"question": EVIL})
    evil = replace(baseline_run.run, scenario=scenario)
    print_summary(replace(baseline_run, run=evil, folder=folder / EVIL), output())
    summary = capsys.readouterr().out
    assert summary.replace("\n", "").isprintable()
    assert r"Saved in " in summary
    assert r"\x1b[31m" in summary.splitlines()[-1]


def test_a_page_holds_neither_tags_nor_turns_of_others() -> None:
    page = results_html(f"<b>{EVIL}", {})
    assert page.isprintable()
    assert "<b>\\x1b" not in page
