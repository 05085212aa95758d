"""A file of payments is sought beside the scenario that names it, and what is not there is told where it is named."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from own_files import HEADER
from pydantic import Field

from sim.errors import ScenarioError
from sim.scenario.load import load_as, to_yaml
from sim.scenario.model.base import Declaration, Name
from sim.scenario.model.own import OwnPayments

pytestmark = pytest.mark.usefixtures("folder")


class Toy(Declaration):
    """As much of a scenario as names systems, routes and own payments."""

    name: str = "toy"
    systems: dict[Name, str] = Field(default={})
    routes: dict[Name, str] = Field(default={})
    payments: OwnPayments | None = None


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "study" / "data").mkdir(parents=True)
    for name in ("study/data/payments.csv", "study/beside.csv", "here.csv"):
        (folder / name).write_text(f"{HEADER}\n", "utf-8")
    (folder / "study" / "base.yaml").write_text("payments: {file: data/payments.csv}\n", "utf-8")
    return folder


def file_of(source: str, *overrides: str) -> Path:
    declared = load_as(Toy, source, overrides).scenario.payments
    assert declared is not None
    assert type(declared.file) is str
    return Path(declared.file)


def file_refusal(text: str, *overrides: str) -> list[str]:
    Path("study/toy.yaml").write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_as(Toy, "study/toy.yaml", overrides)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_is_sought_beside_the_scenario_that_names_it(project: Path) -> None:
    assert file_of("study/base.yaml") == project / "study/data/payments.csv"
    (project / "variant.yaml").write_text("extends: study/base.yaml\nname: variant\n", "utf-8")
    assert file_of("variant.yaml") == project / "study/data/payments.csv"
    (project / "variant.yaml").write_text("extends: study/base.yaml\npayments: {file: here.csv}\n", "utf-8")
    assert file_of("variant.yaml") == project / "here.csv"


def test_a_file_named_on_the_command_line_is_sought_in_the_current_folder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert file_of("study/base.yaml", "payments.file=study/beside.csv") == project / "study/beside.csv"
    given_ = io.TextIOWrapper(io.BytesIO(b"payments: {file: here.csv}\n"), "utf-8")
    monkeypatch.setattr(sys, "stdin", given_)
    assert file_of("-") == project / "here.csv"


def test_a_resolved_scenario_names_the_same_file_wherever_it_lies(project: Path) -> None:
    toy = load_as(Toy, "study/base.yaml").scenario
    (project / "resolved.yaml").write_text(to_yaml(toy), "utf-8")
    assert load_as(Toy, "resolved.yaml").scenario == toy


@pytest.mark.usefixtures("project")
def test_a_file_that_cannot_be_read_is_told_where_it_is_named() -> None:
    os.mkfifo("study/pipe.csv")
    Path("study/loop.csv").symlink_to("loop.csv")
    at = "study/toy.yaml:1:18: payments.file"
    for name, message in {
        "besides.csv": "there is no file 'besides.csv'; did you mean 'beside.csv'?",
        "data/payment.csv": "there is no file 'data/payment.csv'; did you mean 'data/payments.csv'?",
        "nowhere/x.csv": "there is no file 'nowhere/x.csv'",
        "beside.csv/x": "the file 'beside.csv/x' cannot be read: Not a directory",
        "data": "'data' is a folder; a file is needed",
        "pipe.csv": "'pipe.csv' is a pipe or a device; a file is needed",
        "/dev/null": "'/dev/null' is a pipe or a device; a file is needed",
        "loop.csv": "the file 'loop.csv' cannot be read: Too many levels of symbolic links",
        '""': "'' is a folder; a file is needed",
        r'"a\0b"': "the file 'a\\x00b' cannot be read: embedded null byte",
        "7": "text is needed, found 7; put it in quotes",
    }.items():
        assert file_refusal(f"payments: {{file: {name}}}\n") == [f"{at}: {message}"]


@pytest.mark.usefixtures("project")
def test_a_missing_file_of_an_override_is_told_by_its_text() -> None:
    assert file_refusal("payments: {file: beside.csv}\n", "payments.file=heer.csv") == [
        "--set payments.file=heer.csv: payments.file: there is no file 'heer.csv'; did you mean 'here.csv'?"
    ]


@pytest.mark.usefixtures("project")
def test_the_system_and_the_route_of_own_payments_are_declared_ones() -> None:
    text = (
        "systems: {rtgs: x}\nroutes: {direct: x}\npayments: {file: beside.csv, system: rtg, route: dirct}\n"
    )
    assert file_refusal(text) == [
        "study/toy.yaml:3:38: payments.system: 'rtg' is not declared under 'systems'; did you mean 'rtgs'?",
        "study/toy.yaml:3:50: payments.route: 'dirct' is not declared under 'routes'; did you mean 'direct'?",
    ]
