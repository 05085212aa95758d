"""Numbers that the texts of the library quote come from runs of every scenario, and stand in `docs/headlines.csv`.

`python scripts/headlines.py` runs all of them anew, one process for each run and two at a time, and replaces the rows
of this version of the model; those of earlier versions stay. With names (a scenario, or `baseline+direct-cips` with
changes) it runs those only. `--page` writes `docs/headlines.md` from the numbers, without running anything.
What is asked, and why numbers moved between versions, is in `scripts/headlines.yaml`.
"""

from __future__ import annotations

import csv
import multiprocessing
import sys
import tomllib
from concurrent.futures import ProcessPoolExecutor, as_completed
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ruamel.yaml import YAML

import sim
from sim.results.registry import leaves, unit_at
from sim.scenario import library
from sim.verify.model import Quantity
from sim.verify.quantities import tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.results.results import Results

ROOT = Path(__file__).parents[1]
NUMBERS, PAGE = ROOT / "docs/headlines.csv", ROOT / "docs/headlines.md"
ASKED: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))


class Row(NamedTuple):
    """A number of a run: of a measure, by the names that lead to it, or of what `headlines.yaml` calls so."""

    version: str
    scenario: str
    seed: int
    measure: str
    unit: str
    value: float


def version() -> str:
    """The version of the model, which the project file states; an installed package may be an earlier one."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def runs() -> list[tuple[str, int]]:
    """Every scenario of the library, and those that `headlines.yaml` adds, with its seeds."""
    other: dict[str, int] = {}
    for some in ASKED["other_seeds"]:
        other |= dict.fromkeys(some["in"], some["seeds"])
    names = [*library.names(), *ASKED["changes"]]
    return [(name, seed) for name in names for seed in range(1, other.get(name, ASKED["seeds"]) + 1)]


def numbers_of(name: str, seed: int) -> list[Row]:
    """Run a scenario of the library, with changes if `+` follows, and take what is asked of it."""
    scenario, *changes = name.split("+")
    patterns = _asked(name, "measures")
    wanted = {pattern.partition(".")[0] for pattern in patterns}
    results = sim.run(sim.load(scenario, [f"seed={seed}"], changes=changes), measures=wanted)
    return taken(name, seed, results)


def taken(name: str, seed: int, results: Results) -> list[Row]:
    """The numbers that are asked of a run; those that are 0 or missing tell nothing to a text, and are left out."""
    patterns = _asked(name, "measures")
    rows = []
    for measure in sorted({pattern.partition(".")[0] for pattern in patterns}):
        told = results.measures[measure]
        for path, value in leaves(told.value):
            full = ".".join((measure, *path))
            if value and any(fnmatchcase(full, pattern) for pattern in patterns):
                rows.append(Row(version(), name, seed, full, unit_at(told.unit, path), _short(value)))
    for quantity in _asked(name, "quantities"):
        stated = dict(quantity)
        what, unit = stated.pop("what"), stated.pop("unit")
        value = tell(Quantity.model_validate(stated), {name: results}, name)
        rows.append(Row(version(), name, seed, what, unit, _short(value)))
    return rows


def _asked(name: str, key: str) -> list[Any]:
    """Patterns of measures, or quantities of tables, that are asked of a scenario."""
    found = list(ASKED.get(key, ()))
    for some in ASKED["also"]:
        found += some.get(key, ()) if name in some["in"] else ()
    return found


def _short(value: Any) -> float:  # noqa: ANN401 - a number of any kind
    return float(f"{float(value):.6g}")


def read() -> list[Row]:
    """All numbers there are."""
    if not NUMBERS.exists():
        return []
    with NUMBERS.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                one["version"],
                one["scenario"],
                int(one["seed"]),
                one["measure"],
                one["unit"],
                float(one["value"]),
            )
            for one in csv.DictReader(file)
        ]


def write(rows: Iterable[Row]) -> None:
    """Write all numbers, sorted, so that a difference of two files is one of numbers."""
    with NUMBERS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        for row in sorted(rows):
            writer.writerow((*row[:-1], f"{row.value:.6g}"))


def renew(names: Iterable[str]) -> None:
    """Run scenarios anew, all by default, and write what they tell after each, so that nothing is lost on the way."""
    todo = [one for one in runs() if not names or one[0] in {*names}]
    rows = read()
    if not names:
        rows = [row for row in rows if row.version != version()]
    # A process for each run keeps memory as small as one run needs it; two fit any machine.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=fresh, max_tasks_per_child=1) as pool:
        made = {pool.submit(numbers_of, *one): one for one in todo}
        for done in as_completed(made):
            name, seed = made[done]
            rows = [row for row in rows if row[:3] != (version(), name, seed)] + done.result()
            write(rows)
            print(f"{name}, seed {seed}", file=sys.stderr)


def page(rows: Iterable[Row]) -> str:
    """The page of headline numbers: a table for each number, a row for each design, a column for each version."""
    found = {(row.version, row.scenario, row.seed, row.measure): row.value for row in rows}
    versions = sorted({key[0] for key in found})
    lines = [
        "# Headline numbers by version of the model",
        "",
        "<!-- Written by `make docs` from docs/headlines.csv and scripts/headlines.yaml; do not edit by hand. -->",
        "",
        *ASKED["about"].splitlines(),
    ]
    for one in versions[1:]:
        lines += ["", f"## What moved in {one}", "", *ASKED["reasons"][one].splitlines()]
    for headline in ASKED["headlines"]:
        lines += ["", f"## {headline['title']}", "", *_table(headline, versions, found)]
    return "\n".join(lines) + "\n"


def _table(
    headline: dict[str, Any], versions: list[str], found: dict[tuple[str, str, int, str], float]
) -> Iterator[str]:
    """A cell has the numbers of the seeds, one after another."""
    measure, factor, digits = headline["measure"], float(headline.get("times", 1)), headline["digits"]
    told = headline.get("differently", {})
    yield from (f"| design | {' | '.join(versions)} | |", f"| --- |{' --- |' * len(versions)} --- |")
    for name in library.names():
        cells = []
        for one in versions:
            values = [found.get((one, name, seed, measure)) for seed in range(1, ASKED["seeds"] + 1)]
            cells.append(", ".join(f"{value * factor:.{digits}f}" for value in values if value is not None))
        if any(cells):
            yield f"| {name} | {' | '.join(cell or '–' for cell in cells)} | {told.get(name, '')} |"


if __name__ == "__main__":
    if "--page" in sys.argv:
        PAGE.write_text(page(read()), encoding="utf-8")
    else:
        renew(sys.argv[1:])
