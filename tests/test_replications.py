"""A replication has a name: the scenario, its seed and a number."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import sim
from sim.cli import cli
from sim.world.build import build_world

if TYPE_CHECKING:
    from pathlib import Path

FEW = ("period.end=2024-01-06", "run_in=2d", "horizon=5d")


def amounts(results: sim.Results) -> list[int]:
    return results.obligations["amount"].tolist()


def test_a_replication_draws_anew_and_always_the_same() -> None:
    scenario = sim.load("baseline", FEW)
    plain, zero = (sim.run(scenario, measures=(), replication=k) for k in (0, 0))
    once, again, other = (sim.run(scenario, measures=(), replication=k) for k in (3, 3, 4))
    assert amounts(plain) == amounts(zero) == amounts(sim.run(scenario, measures=()))
    assert amounts(once) == amounts(again) == build_world(scenario, 3).obligations.amount.tolist()
    assert len({*map(tuple, map(amounts, (plain, once, other)))}) == 3
    assert not once.fx.equals(other.fx) or once.scenario.fx is None or once.scenario.fx.kind == "history"
    assert "seed 1, replication 3" in repr(once)
    assert "replication" not in repr(plain)


def test_a_run_of_another_replication_is_not_replaced(folder: Path) -> None:
    scenario = sim.load("baseline", FEW)
    sim.run(scenario, measures=(), replication=1, output="mine", tables=())
    assert sim.open("mine").manifest["replication"] == 1
    with pytest.raises(sim.ResultsError, match="holds a run of another text"):
        sim.run(scenario, measures=(), replication=2, output="mine", tables=())
    sim.run(scenario, measures=(), replication=1, output="mine", tables=())
    assert {path.name for path in folder.iterdir()} == {"mine"}


def test_the_command_line_names_a_replication(folder: Path) -> None:
    options = [f"--set={change}" for change in FEW]
    arguments = ["run", "baseline", "--replication", "7", "--no-figures", "--tables", "", *options]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("baseline, seed 1, replication 7\n")
    told = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)
    assert (told["seed"], told["replication"], told["folder"]) == (1, 7, "runs/baseline-1-r7-2")
    assert sorted(path.name for path in (folder / "runs").iterdir()) == ["baseline-1-r7", "baseline-1-r7-2"]
    assert CliRunner().invoke(cli, ["run", "baseline", "--replication", "-1"]).exit_code == 2
