"""Whoever checks a script of theirs with mypy has our types: what is right passes, what is wrong is found."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import sim

pytest.importorskip("mypy", reason="the types are checked with mypy")

pytestmark = pytest.mark.long

RIGHT = """\
import pandas as pd

import sim

scenario: sim.Scenario = sim.load("baseline", ["run_in=0d"])
results = sim.run(scenario, measures=["delay"])
mean: float = results.measures["delay"].value["mean"]
payments: pd.DataFrame = results.payments
late: int = len(payments[payments["attempts"] > 1])
saved: sim.Results = results.save("runs/mine", tables=["exposure"])
print(mean, late, saved.folder)
"""
#: Each line with the word that mypy has for what is wrong.
WRONG = {
    'sim.run("baseline", measure=["delay"])': "call-arg",
    "sim.load(2024)": "arg-type",
    'folder: str = sim.open("runs/mine").folder': "assignment",
    "sim.exectue": "attr-defined",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What mypy, strict, says of each of two scripts beside which this package and its libraries are installed."""
    folder = tmp_path_factory.mktemp("user")
    venv.create(folder / "venv")
    names = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    # Installed as an editable package is: the folders in which packages lie stand in a file of their own.
    packages = [str(Path(sim.__file__).parents[1]), sysconfig.get_path("purelib")]
    Path(sysconfig.get_path("purelib", "venv", names), "them.pth").write_text("\n".join(packages), "utf-8")
    (folder / "right.py").write_text(RIGHT, "utf-8")
    (folder / "wrong.py").write_text("\n".join(["import sim", "", *WRONG]), "utf-8")
    python = folder / "venv/bin/python"
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "right.py", "wrong.py"],
        cwd=folder,
        env={},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        text=True,
        check=False,
    )
    lines = checked.stdout.splitlines()
    return {name: [line for line in lines if line.startswith(f"{name}.py:")] for name in ("right", "wrong")}


def test_a_script_of_a_users_sees_the_types(told: dict[str, list[str]]) -> None:
    assert told["right"] == []


def test_mistakes_in_a_script_are_found(told: dict[str, list[str]]) -> None:
    errors = [line for line in told["wrong"] if " error: " in line]
    found = {int(line.split(":")[1]): line.rpartition("[")[2].rstrip("]") for line in errors}
    assert found == dict(enumerate(WRONG.values(), start=3))
