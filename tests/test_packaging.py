"""What is built works where no checkout is, with the lowest versions of all libraries that it allows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: The environment takes minutes to build, so all that need it go to one worker.
pytestmark = pytest.mark.xdist_group("lowest")

CHECKOUT = Path(__file__).parents[1]


def run(*arguments: str | Path, cwd: Path, seconds: int = 900) -> str:
    """What a command prints that must succeed, without this checkout on its path."""
    found = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-3000:]
    return found.stdout


@pytest.fixture(scope="module")
def lower_bounds() -> list[str]:
    return run(sys.executable, CHECKOUT / "scripts/lower_bounds.py", "test", cwd=CHECKOUT).split()


@pytest.fixture(scope="module")
def lowest(lower_bounds: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment: the wheel, and the lowest versions of what it and its tests need."""
    folder = tmp_path_factory.mktemp("lowest")
    (folder / "lowest.txt").write_text("\n".join(lower_bounds), encoding="utf-8")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, CHECKOUT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    programs = folder / "venv/bin"
    install = (programs / "python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:")
    run(*install, "--constraint", "lowest.txt", f"{wheel}[test]", cwd=folder)
    return programs


@pytest.mark.long
def test_the_lowest_versions_are_those_that_are_stated(lowest: Path, lower_bounds: list[str]) -> None:
    said = run(lowest / "python", "-m", "pip", "freeze", "--quiet", cwd=lowest)
    installed = {
        line.partition("==")[0].lower().replace("_", "-"): line.partition("==")[2] for line in said.split()
    }
    wanted = dict(bound.split("==") for bound in lower_bounds)
    assert {name: plain(installed[name]) for name in wanted} == {
        name: plain(of) for name, of in wanted.items()
    }


def plain(version: str) -> str:
    """A version as whoever compares versions takes it: `2.0` is `2.0.0`."""
    while version.endswith(".0"):
        version = version.removesuffix(".0")
    return version


@pytest.mark.long
def test_an_installed_wheel_has_the_library_and_runs_it(lowest: Path, tmp_path: Path) -> None:
    listed = run(lowest / "sim", "list", cwd=tmp_path)
    assert "baseline" in listed
    assert "mechanisms/hybrid" in listed
    assert "agrees" in run(lowest / "sim", "verify", "gridlock-ring", cwd=tmp_path)
    short = ["--set", "period.end=2024-01-10", "--set", "run_in=6d", "--set", "horizon=6d"]
    run(lowest / "sim", "run", "baseline", *short, "-o", "out", cwd=tmp_path)
    assert (tmp_path / "out/payments.parquet").is_file()
    assert list((tmp_path / "out/figures").iterdir())
    opened = "import sim; print(sim.__file__, len(sim.open('out').payments))"
    place, _, payments = run(lowest / "python", "-c", opened, cwd=tmp_path).rpartition(" ")
    assert Path(place).is_relative_to(lowest.parent)
    assert Path(place).with_name("py.typed").is_file()
    assert int(payments) > 100


@pytest.mark.long
def test_the_quick_tests_pass_with_the_lowest_versions(lowest: Path) -> None:
    # Old libraries call by old names what newer ones, on which they set no bound, have renamed.
    quick = ("-q", "-m", "quick", "--hypothesis-profile", "quick", "-W", "ignore::DeprecationWarning")
    quick += ("-p", "no:cacheprovider", "--benchmark-disable")
    said = run(lowest / "pytest", *quick, cwd=CHECKOUT, seconds=1500)
    assert " passed" in said


def test_the_package_says_that_it_has_types() -> None:
    assert (CHECKOUT / "sim/py.typed").is_file()


def test_every_library_states_its_lowest_version(lower_bounds: list[str]) -> None:
    assert {"numpy", "pandas", "pydantic", "pytest"} <= {bound.partition("==")[0] for bound in lower_bounds}
