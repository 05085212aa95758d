"""Whatever is killed, what was made is kept, and a study that is gone on with is as if nothing had happened."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from studied import JOURNAL, files, options, started, wait_for_lines

from sim.cli import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc"),
    pytest.mark.xdist_group("kills"),
]

COUNT = 6
STUDY = ("ensemble", "baseline", "-n", str(COUNT), "--measure", "delay", "--no-figures", *options())


def resumed(folder: Path, *more: str) -> dict[str, bytes]:
    """The files of a study that is gone on with."""
    done = CliRunner().invoke(cli, [*STUDY, "--jobs", "1", "--resume", "-o", str(folder), *more])
    assert done.exit_code == 0, done.stderr
    return files(folder)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a study that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    done = CliRunner().invoke(cli, [*STUDY, "--jobs", "1", "-o", str(folder)])
    assert done.exit_code == 0, done.stderr
    return files(folder)


def members(group: int) -> list[int]:
    """The processes of a group, without those that have ended."""
    found = []
    for folder in Path("/proc").iterdir():
        # Whatever ends meanwhile is no member any more.
        with suppress(OSError):
            if folder.name.isdecimal() and os.getpgid(int(folder.name)) == group:
                state = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()[0]
                found += [int(folder.name)] if state != "Z" else []
    return sorted(found)


def gone(group: int) -> bool:
    """Whether all processes of a group end within some seconds."""
    until = monotonic() + 20
    while members(group):
        if monotonic() > until:
            return False
        sleep(0.05)
    return True


def test_the_command_is_killed(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    with started(*STUDY, "--jobs", "2", "-o", "study", cwd=tmp_path) as process:
        wait_for_lines(tmp_path / "study" / JOURNAL, 1)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    # Its workers end with it.
    assert gone(process.pid)
    assert not (tmp_path / "study/replications.parquet").exists()
    assert resumed(tmp_path / "study") == undisturbed


def test_a_worker_is_killed(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    with started(*STUDY, "--jobs", "2", "-o", "study", cwd=tmp_path) as process:
        wait_for_lines(tmp_path / "study" / JOURNAL, 1)
        workers = [
            pid
            for pid in members(process.pid)
            if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text("utf-8")
        ]
        os.kill(workers[0], signal.SIGKILL)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "a worker process ended before its work was done" in told
    assert "--resume goes on with them" in told
    assert "Traceback" not in told
    assert resumed(tmp_path / "study") == undisturbed


def test_a_study_that_is_interrupted_says_what_is_saved(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    with started(*STUDY, "--jobs", "2", "-o", "study", cwd=tmp_path) as process:
        wait_for_lines(tmp_path / "study" / JOURNAL, 1)
        # As Ctrl-C does: to all of them.
        os.killpg(process.pid, signal.SIGINT)
        out, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert re.fullmatch(r"\d of 6 are saved; --resume goes on with them\ninterrupted\n", told)
    assert gone(process.pid)
    assert resumed(tmp_path / "study") == undisturbed


def test_two_commands_do_not_write_into_one_study(tmp_path: Path) -> None:
    with started(*STUDY, "--jobs", "1", "-o", "study", cwd=tmp_path) as process:
        wait_for_lines(tmp_path / "study" / JOURNAL, 0)
        other = CliRunner().invoke(cli, [*STUDY, "--jobs", "1", "--resume", "-o", str(tmp_path / "study")])
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)
    assert other.exit_code == 2
    assert "another process works on this study" in other.stderr
    assert process.returncode == 143


@contextmanager
def dask(folder: Path, *arguments: str, says: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A part of a Dask cluster on loopback, and what it said of itself when it was ready."""
    log = folder / f"{says}-{len(list(folder.iterdir()))}.log"
    command = [sys.executable, "-W", "ignore", "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, cwd=folder, env=env, start_new_session=True
        )
    try:
        until = monotonic() + 60
        while not (found := re.search(rf"{says}.*?(tcp://\S+)", log.read_text("utf-8"))):
            assert monotonic() < until, log.read_text("utf-8")
            assert process.poll() is None, log.read_text("utf-8")
            sleep(0.05)
        yield process, found[1]
    finally:
        for pid in members(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def test_a_cluster_makes_the_same_and_may_lose_a_worker(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    logs = tmp_path / "logs"
    logs.mkdir()
    here = ("--host", "127.0.0.1", "--no-dashboard")
    worker = ("--nthreads", "1", "--no-nanny", *here)
    with dask(logs, "scheduler", "--port", "0", *here, says="Scheduler at") as (_, address):
        with (
            dask(logs, "worker", address, *worker, says="Start worker at") as (first, _),
            dask(logs, "worker", address, *worker, says="Start worker at"),
            started(*STUDY, "--cluster", address, "-o", "study", cwd=tmp_path) as process,
        ):
            wait_for_lines(tmp_path / "study" / JOURNAL, 1)
            os.kill(first.pid, signal.SIGKILL)
            _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    assert files(tmp_path / "study") == undisturbed


def test_where_no_scheduler_answers_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("sim.studies.workers._SECONDS_TO_CONNECT", 1)
    done = CliRunner().invoke(cli, [*STUDY, "--cluster", "tcp://127.0.0.1:9", "-o", str(tmp_path / "study")])
    assert done.exit_code == 2
    assert "tcp://127.0.0.1:9: no scheduler answers there" in done.stderr
