"""What CONTRIBUTING.md shows works: its code, put where it says, adds one of each kind, whose tests pass."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from ruamel.yaml import YAML

CHECKOUT: Final = Path(__file__).parents[1]
PAGE: Final = (CHECKOUT / "CONTRIBUTING.md").read_text("utf-8")
#: What a developer works on.
COPIED: Final = ("sim", "scenarios", "tests", "docs", "pyproject.toml")
#: A block of code, whose first line is a comment that says where the others belong.
FENCED: Final = re.compile(
    r"^(?P<fence>`{3,})\w+\n(?P<head>.*?)\n(?P<code>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE
)
PLACE: Final = re.compile(
    r"# (?P<file>[\w./-]+): (?:a new file|(?P<where>before|after|instead of) the line `(?P<line>.+)`)"
)
#: What the page adds, in the words by which tests that walk over all of a kind are called.
ADDED: Final = ("hourly", "stamp", "slow_work", "sine", "bank_pairs")
#: Further tests that notice what was left out.
NOTICING: Final = ("colours", "each_model_has_an_example", "every_figure_is_registered")


class Block(NamedTuple):
    """Code for a file: all of it, or what stands before, after or instead of a line."""

    file: str
    where: str | None
    line: str | None
    code: str


def blocks() -> list[Block]:
    """All code of the page."""
    found = []
    for fenced in FENCED.finditer(PAGE):
        place = PLACE.fullmatch(fenced["head"])
        assert place, f"the page does not say where this belongs: {fenced['head']}"
        found.append(Block(place["file"], place["where"], place["line"], fenced["code"]))
    return found


def put(block: Block, root: Path) -> None:
    """Do what a reader of the page does with a block."""
    path = root / block.file
    if block.where is None:
        assert not path.exists(), f"{block.file} is there already"
        path.write_text(block.code, "utf-8")
        return
    lines = path.read_text("utf-8").splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.strip() == block.line]
    assert len(places) == 1, f"{block.file} has {len(places)} lines {block.line!r}"
    first, last = places[0] + (block.where == "after"), places[0] + (block.where != "before")
    lines[first:last] = [block.code]
    path.write_text("".join(lines), "utf-8")


def run(root: Path, program: str, *arguments: str) -> None:
    """Run a program beside our Python on the copy; it must succeed."""
    found = subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=900,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-6000:]


def run_tests(root: Path, *arguments: str) -> None:
    """Tests of the copy pass."""
    run(root, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--benchmark-disable", *arguments)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project to which everything on the page was added."""
    root = tmp_path_factory.mktemp("grown")
    for name in COPIED:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(CHECKOUT / name, root)
    for block in blocks():
        put(block, root)
    return root


def test_what_the_page_adds_passes_its_tests_and_those_that_walk_over_all_kinds(grown: Path) -> None:
    own = [block.file for block in blocks() if block.file.startswith("tests/test_") and block.where is None]
    walks = [f"tests/{name}.py" for name in ("test_kinds", "test_show", "test_fx_declarations")]
    names = [Path(file).stem for file in own]
    run_tests(grown, *own, *walks, "-k", " or ".join((*names, *ADDED, *NOTICING)))


@pytest.mark.long
def test_a_scenario_and_results_that_the_page_adds_are_as_all_others(grown: Path) -> None:
    run(grown, "python", "-m", "sim.results.dictionary")
    run_tests(grown, "tests/test_scenarios.py", "-k", "dear-yuan or share_a_name")
    run_tests(grown, "tests/test_shelves.py")


@pytest.mark.long
def test_the_plain_model_still_agrees_with_what_the_page_adds(grown: Path) -> None:
    # Without the one that asks how often each thing happened by chance, for new kinds change the draws.
    run_tests(grown, "tests/test_plain_model.py", "tests/test_engine.py", "-k", "not desks_and_returns")


@pytest.mark.long
def test_what_the_page_adds_passes_the_checks(grown: Path) -> None:
    run(grown, "ruff", "format", ".")
    run(grown, "ruff", "check", ".")
    run(grown, "mypy")
    run(grown, "lint-imports", "--no-cache")


def test_hooks_check_what_make_check_does() -> None:
    hooks = YAML(typ="safe").load(CHECKOUT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    made = (CHECKOUT / "Makefile").read_text("utf-8").partition("check:")[2].partition("\n\n")[0]
    commands = re.findall(r"\$\(BIN\)/([^.\n]+?)(?: --check)? *\.?$", made, re.MULTILINE)
    assert [
        hook["entry"].removeprefix(".venv/bin/").removesuffix(" --force-exclude") for hook in hooks
    ] == commands
