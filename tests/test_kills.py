"""Whenever a save is killed, the next command finds the earlier run or the new one, whole, and nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_run, with_tables, write_scenario

import sim

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What was found after a kill at each step of a save."""
    script = Path(__file__).with_name("killing.py")
    arguments = [sys.executable, str(script), str(tmp_path_factory.mktemp("kills"))]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def chosen(kills: list[dict[str, Any]], number: int, *, before: bool) -> list[dict[str, Any]]:
    return [kill for kill in kills if kill["signal"] == number and kill["before"] == before]


@pytest.mark.parametrize("before", [False, True], ids=["free", "replacing"])
def test_after_a_kill_at_any_step_one_run_is_whole_and_nothing_else_is_there(
    before: bool, kills: list[dict[str, Any]]
) -> None:
    found = chosen(kills, signal.SIGKILL, before=before)
    assert [kill for kill in found if kill["wrong"]] == []
    assert {kill["code"] for kill in found} == {-signal.SIGKILL}
    # Early kills leave what was there, late ones the new run, and there is one step between them.
    seeds = [kill["seed"] for kill in found]
    assert seeds == sorted(seeds, key=["1" if before else "none", "2"].index)
    assert {*seeds} == {"1" if before else "none", "2"}


@pytest.mark.parametrize("before", [False, True], ids=["free", "replacing"])
def test_a_save_that_is_asked_to_end_tidies_up_itself(before: bool, kills: list[dict[str, Any]]) -> None:
    found = chosen(kills, signal.SIGTERM, before=before)
    assert found
    assert [kill for kill in found if kill["wrong"] or kill["left"]] == []
    assert {kill["code"] for kill in found} == {128 + signal.SIGTERM}


SLOW_FIGURES = """\
import sys, time
import sim.show.save as saving
from sim.cli import main

def wait(results, folder):
    folder.mkdir()
    (folder / "half.png").write_text("half")
    print("saving", flush=True)
    time.sleep(60)

saving.save_figures = wait
main()"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_run_that_gets_a_signal_while_it_saves_leaves_with_its_code(name: str, tmp_path: Path) -> None:
    number = getattr(signal, name)
    write_scenario(tmp_path / "source")
    arguments = [sys.executable, "-c", SLOW_FIGURES, "run", "source/tiny.yaml", "-o", "a/b"]
    with subprocess.Popen(
        arguments, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "saving\n"
        assert (tmp_path / "a" / ".b.sim-saving").is_dir()
        process.send_signal(number)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Traceback" not in stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_a_process_that_saves_is_not_disturbed(tmp_path: Path) -> None:
    results = with_tables(tiny_run(tmp_path / "source"), "payments")
    runs = tmp_path / "runs"
    results.save(runs / "mine")

    def others(_: sim.Results, _folder: Path) -> None:
        # Another one opens, saves beside, and takes names that are free.
        (hidden,) = runs.glob(".*")
        code = "import sys, sim; sim.open(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, str(runs / "mine")], check=True, timeout=60)
        results.save(runs / "other")
        assert results.save(runs / "mine", free=True).folder == runs / "mine-2"
        assert (hidden / "new" / "payments.parquet").is_file()

    results.save(runs / "mine", others)
    assert sorted(path.name for path in runs.iterdir()) == ["mine", "mine-2", "other"]


def test_two_that_want_one_free_name_get_two(tmp_path: Path) -> None:
    results = with_tables(tiny_run(tmp_path / "source"), "payments")
    inner: list[sim.Results] = []
    outer = results.save(
        tmp_path / "runs" / "r",
        lambda *_: inner.append(results.save(tmp_path / "runs" / "r", free=True)),
        free=True,
    )
    assert [outer.folder, inner[0].folder] == [tmp_path / "runs" / "r", tmp_path / "runs" / "r-2"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["r", "r-2"]
