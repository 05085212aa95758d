"""Sizes in prose, held against the numbers of runs in `docs/headlines.csv`.

A size is a number with a unit. It is right if it is, at the precision in which it is written, a number of the scenario
whose text it is, of one that this extends, names or is made of, or the difference of two of these for the seed of which
the sentence speaks: seed 1 if it names none. What is said of a range of seeds is the least or the most of them. An
input is right if it stands in the scenario's own files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import combinations, permutations
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

from sim.scenario import library

#: Words of units, what the numbers of runs are multiplied by to be told in them, and in which units those are.
UNITS: Mapping[str, tuple[tuple[float, str], ...]] = {
    "hours": ((1, "hour"),),
    "days": ((1, "days"), (1 / 24, "hour")),
    "per cent": ((100, "share"), (100, "0 to 1")),
    "%": ((100, "share"), (100, "0 to 1")),
    "basis points": ((1, "basis points"),),
    "thousand": ((1e-3, "money"),),
    "million": ((1e-6, "money"),),
    "billion": ((1e-9, "money"),),
    "payments": ((1, "payments"),),
    "cases": ((1, "cases"),),
    "times": ((1, "ratio"),),
}

_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?<![\w.:,/-])(\d{{1,3}}(?:,\d{{3}})+|\d+(?:\.\d+)?)(?![\w:/]|[.,]\d)(?: ({_UNIT})\b| ?(%))?"
)
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
#: Numbers of the calendar and of seeds, which are no sizes.
_NO_SIZE = re.compile(
    rf"\b(?:from )?\d+(?: (?:to|and) \d+)?(?: of)? (?:{_MONTHS})\b(?: \d{{4}})?|\b(?:{_MONTHS}) \d{{4}}"
    r"|\b(?:19|20)\d\d\b"
    r"|\bseeds? \d+(?:(?: to |, | and )\d+)*|\bthe \d+ seeds\b|\b\d+:\d\d\b"
)
#: The seeds of which a number speaks stand behind it, before its clause or its bracket ends.
_SEEDS = re.compile(r"\bseeds? (\d+(?:(?: to |, | and )\d+)*)|\bthe (\d+) seeds\b")
_SEEDS_END = re.compile(r"[()]")
#: Measures of which texts tell by how many per cent, or how many times, they differ.
RELATIVE = ("delay.mean", "principal_risk_value_hours.correspondent", "intraday_liquidity_usage_total")
#: What may follow a number that leaves its unit out, and what a unit does not reach over.
_GOES_ON = re.compile(r" (?:to|and|or|instead|in place|with|more|less|there|where|over)\b|[.,;:)?]|$")
_APART = re.compile(r"[(),]")


#: Of so many seeds a text tells each number, of more the bounds.
_FEW = 2


class Size(NamedTuple):
    """A number as it is written, its unit, and the seeds of which it is told; of three or more it is a bound."""

    text: str
    unit: str
    seeds: tuple[int, ...] = (1,)


def sizes_in(prose: str) -> Iterator[Size]:
    """The sizes in a text; a number without a unit has that of the next one beside it, or of the last before it."""
    flat = " ".join(prose.split())
    for sentence in re.split(r"(?<=[.;:?])\s", flat):
        skipped = [found.span() for found in _NO_SIZE.finditer(sentence)]
        found = [
            one
            for one in _NUMBER.finditer(sentence)
            if not any(begin <= one.start() < end for begin, end in skipped)
        ]
        last = None
        for at, number in enumerate(found):
            unit = number[2] or number[3]
            if unit is None and not _GOES_ON.match(sentence, number.end()):
                continue
            for later in found[at + 1 :]:
                if unit or _APART.search(sentence, number.end(), later.start()):
                    break
                unit = later[2] or later[3]
            last = unit or last
            if last:
                yield Size(number[1], last, _seeds_of(sentence, number.end()))


def _seeds_of(sentence: str, at: int) -> tuple[int, ...]:
    """The seeds that are named next, if no bracket comes between."""
    named = _SEEDS.search(sentence, at)
    if named is None or _SEEDS_END.search(sentence, at, named.start()):
        return (1,)
    if named[2]:
        return tuple(range(1, int(named[2]) + 1))
    first, *more = map(int, re.findall(r"\d+", named[1]))
    return tuple(range(first, more[0] + 1)) if " to " in named[1] else (first, *more)


@dataclass(frozen=True)
class Numbers:
    """Numbers of runs: by scenario, measure and seed, with the unit of each measure."""

    of: Mapping[str, Mapping[str, Mapping[int, float]]]
    unit: Mapping[str, str]
    cache: dict[tuple[str, tuple[int, ...], tuple[str, ...]], frozenset[float]] = field(default_factory=dict)

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[str, str, int, str, str, float]]) -> Numbers:
        """Rows of `docs/headlines.csv` of one version."""
        found: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
        units = {}
        for _, scenario, seed, measure, unit, value in rows:
            found[scenario][measure][seed] = value
            units[measure] = unit
        return cls(found, units)

    def tell(self, size: Size, names: Iterable[str]) -> bool:
        """Whether a size is a number of the first of these scenarios, of another, or the difference of two."""
        known = tuple(name for name in names if name in self.of)
        wanted = float(size.text.replace(",", ""))
        digits = len(size.text.partition(".")[2])
        near = 0.5 * 10.0**-digits * (1 + 1e-6)
        return any(abs(value - wanted) <= near for value in self._known(size.unit, size.seeds, known))

    def _known(self, unit: str, seeds: tuple[int, ...], names: tuple[str, ...]) -> frozenset[float]:
        key = (unit, seeds, names)
        if key not in self.cache:
            told = (list(map(abs, values)) for values in self._series(unit, seeds, names) if values)
            bounds = ((min(values), max(values)) if len(seeds) > _FEW else values for values in told)
            self.cache[key] = frozenset(value for values in bounds for value in values)
        return self.cache[key]

    def _series(self, unit: str, seeds: tuple[int, ...], names: tuple[str, ...]) -> Iterator[list[float]]:
        """What might be told in a unit, seed by seed: numbers, differences, and where usual relative ones."""
        for measure, told in self.unit.items():
            kind = "money" if re.fullmatch("[A-Z]{3}", told) else told
            rows = [row for name in names if (row := self._row(name, measure, seeds))]
            for factor, what in UNITS[unit]:
                if what in kind:
                    yield from ([value * factor for value in row] for row in rows)
                    for one, other in combinations(rows, 2):
                        yield [(here - there) * factor for here, there in zip(one, other, strict=True)]
            if measure in RELATIVE and unit in {"per cent", "%", "times"}:
                for one, other in permutations(rows, 2):
                    ratios = [here / there for here, there in zip(one, other, strict=True) if there]
                    shares = [100 * (1 - ratio) for ratio in ratios]
                    yield from ([ratios] if unit == "times" else [shares, [100 * ratio for ratio in ratios]])
                    if unit != "times" and shares:
                        yield [sum(shares) / len(shares)] * len(shares)

    def _row(self, name: str, measure: str, seeds: tuple[int, ...]) -> list[float]:
        """The numbers of these seeds, 0 where the run tells none although another seed's does; none if none does."""
        told = self.of[name].get(measure, {})
        return [told.get(seed, 0.0) for seed in seeds] if told else []


@cache
def declared(file: Path) -> dict[str, object]:
    """What a scenario's file declares, what it extends left aside."""
    return dict(YAML(typ="safe").load(file.read_text("utf-8")))


@dataclass(frozen=True)
class Described:
    """A scenario of the library with its text and what its numbers may be compared with."""

    name: str

    @cached_property
    def _file(self) -> Path:
        return library.folder() / f"{self.name}.yaml"

    @property
    def _declared(self) -> dict[str, object]:
        return declared(self._file)

    @property
    def text(self) -> str:
        """Its description."""
        return str(self._declared.get("description", ""))

    @cached_property
    def chain(self) -> list[Described]:
        """The scenario and what it extends, up to the first."""
        parent = self._declared.get("extends")
        if parent is None:
            return [self]
        name = str(parent).removesuffix(".yaml")
        folder = self._file.parent
        at = (folder / f"{name}.yaml").resolve()
        if not at.exists():
            at = library.folder() / f"{name}.yaml"
        return [self, *Described(at.relative_to(library.folder().resolve()).with_suffix("").as_posix()).chain]

    def compared(self, known: Iterable[str]) -> list[str]:
        """It, what it extends, what its text names, and those made of its changes."""
        words = set(re.findall(r"[a-z][a-z-]+[a-z]", self.text))
        changes = set(self.changes)
        found = [one.name for one in self.chain]
        for name in known:
            made_of = name.split("+")
            named = name.rpartition("/")[2] in words
            part = len(made_of) > 1 and changes.issuperset(made_of[1:])
            if name not in found and (named or part):
                found.append(name)
        return found

    @property
    def changes(self) -> list[str]:
        """The changes that it lists."""
        stated = self._declared.get("changes", [])
        return [str(one) for one in stated] if isinstance(stated, list) else []

    def states(self, size: Size) -> bool:
        """Whether a size is an input: the number stands in the scenario's files outside of its description."""
        wanted = float(size.text.replace(",", ""))
        return any(
            abs(number * factor - wanted) < 1e-9 * max(1.0, wanted)
            for number in self._inputs
            for factor in (1, 100, 1e-6, 1e-9)
        )

    @cached_property
    def _inputs(self) -> set[float]:
        files = [one._file for one in self.chain]
        files += [library.folder() / f"changes/{name}.yaml" for one in self.chain for name in one.changes]
        found: set[float] = set()
        for file in files:
            text = re.sub(r"(?m)^description: >\n(?:  .*\n|\n)*", "", file.read_text("utf-8"))
            found |= {
                float(number.replace("_", "").replace(",", ""))
                for number in re.findall(r"\d[\d_]*(?:\.\d+)?", text)
            }
        return found
