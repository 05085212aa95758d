"""Answers arrive whatever the streams are, or the command says that they did not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from sim.calibration import calibrate
from sim.scenario.load import load
from sim.show.calibration import print_calibration
from sim.show.console import output

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="streams of POSIX")

TINY = """\
name: tiny
question: Успеет ли 结算 — до 16:30, −5 °C?
period: {start: 2024-03-04 00:00, end: 2024-03-06 00:00}
banks: {minsk-a: {hours: always}, beijing-a: {hours: always}}
systems: {nostro-cny: {kind: correspondent, currency: CNY, hours: always}}
accounts: [{holder: minsk-a, system: nostro-cny, servicer: beijing-a, balance: 1}]
fx: {kind: constant, rates: {CNY: 7}}
"""
#: Runs several commands in one process, each after the other.
SEVERAL = """\
import json, sys
from sim.cli import cli
from sim.terminal import secure_streams
secure_streams()
for arguments in json.loads(sys.argv[1]):
    cli.main(arguments, prog_name="sim", standalone_mode=False)
"""


@pytest.fixture
def tiny(folder: Path) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(TINY, "utf-8")
    return path


def sim(command: str, given: bytes | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A command with redirections, as a shell runs it."""
    return subprocess.run(
        ["/bin/bash", "-c", command.replace("sim ", f"'{sys.executable}' -m sim ", 1)],
        input=given,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("encoding", ["cp1251", "gbk", "ascii"])
def test_data_can_be_read_again_whatever_the_encoding_of_the_stream(encoding: str, tiny: Path) -> None:
    commands = json.dumps([["show", "tiny.yaml"], ["schema"]])
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, commands],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    shown, schema = done.stdout.split(b"\n{\n", 1)
    tiny.with_name("again.yaml").write_bytes(shown + b"\n")
    assert load("again.yaml").question == load("tiny.yaml").question
    assert json.loads(b"{" + schema)["title"] == "Scenario"


@pytest.mark.parametrize(
    ("encoding", "sign"), [("cp1251", "-"), ("ascii", "-"), ("gbk", "-"), ("utf-8", "−")]
)
def test_signs_that_an_encoding_lacks_are_written_plainly(
    encoding: str, sign: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = TextIOWrapper(BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    console = output()
    console.print("█ 5 − 7 — Банк")
    print_calibration(calibrate("basket"), console)
    stream.flush()
    told = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert f"5 {sign} 7" in told
    assert ("Банк" if encoding != "ascii" else r"\u0411\u0430\u043d\u043a") in told


@pytest.mark.parametrize("stream", [">/dev/full", ">&-", ">/dev/full 2>&-"])
@pytest.mark.parametrize("command", ["validate tiny.yaml", "--help"])
def test_an_answer_that_cannot_be_written_is_a_failure(command: str, stream: str, tiny: Path) -> None:
    assert tiny.is_file()
    done = sim(f"sim {command} {stream}")
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert len(lines) == ("2>" not in stream)
    assert all(line.startswith("standard output cannot be written: ") for line in lines)


def test_a_message_that_cannot_be_written_changes_no_exit_code(tiny: Path) -> None:
    assert tiny.is_file()
    assert sim("sim validate nothing.yaml 2>/dev/full").returncode == 2
    assert sim("sim validate tiny.yaml 2>&- <&-").stdout == b"tiny: valid\n"


def test_a_closed_standard_input_is_told(folder: Path) -> None:
    assert folder.is_dir()
    done = sim("sim validate - <&-")
    assert (done.returncode, done.stderr) == (2, b"<stdin>: standard input is closed\n")


def test_a_reader_that_goes_away_is_no_failure(tiny: Path) -> None:
    assert tiny.is_file()
    done = sim("set -o pipefail; sim schema | head -1")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"{\n", b"")


def test_a_deleted_folder_is_told_where_it_is_needed(folder: Path) -> None:
    gone = folder / "gone"
    for command, code in (("run baseline", 2), ("calibrate basket", 0)):
        gone.mkdir()
        done = sim(f"cd gone && rmdir ../gone && sim {command}")
        assert done.returncode == code
        assert done.stderr.count(b"\n") == (code > 0)


@pytest.mark.parametrize(
    ("number", "code", "word"), [("SIGTERM", 143, "terminated"), ("SIGHUP", 129, "hung up")]
)
def test_a_command_that_is_told_to_stop_says_so(number: str, code: int, word: str, tiny: Path) -> None:
    assert tiny.is_file()
    with subprocess.Popen(
        [sys.executable, "-m", "sim", "validate", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        # More than a pipe holds: when all is written, the command has begun to read.
        process.stdin.write("# nothing\n" * 20_000)
        process.send_signal(getattr(signal, number))
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (code, f"{word}\n")
