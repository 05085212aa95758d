"""Sizes in prose, held against the numbers of runs in `docs/headlines.csv`.

A size is a number with a unit. It is right if it is, at the precision in which it is written, a number of the scenario
whose text it is, of one that this extends, names or is made of, or the difference of two of these for one seed (of
shares and costs also the relative one); or an input, which stands in the scenario's own files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
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
#: What may follow a number that leaves its unit out, and what a unit does not reach over.
_GOES_ON = re.compile(r" (?:to|and|or|instead|in place|with|more|less|there|where|over)\b|[.,;:)?]|$")
_APART = re.compile(r"[(),]")


class Size(NamedTuple):
    """A number as it is written, and its unit."""

    text: str
    unit: str


def sizes_in(prose: str) -> Iterator[Size]:
    """The sizes in a text; a number without a unit has that of the next one beside it, or of the last before it."""
    flat = " ".join(prose.split())
    for sentence in re.split(r"(?<=[.;:?])\s", _NO_SIZE.sub("", flat)):
        found = list(_NUMBER.finditer(sentence))
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
                yield Size(number[1], last)


@dataclass(frozen=True)
class Numbers:
    """Numbers of runs: by scenario, measure and seed, with the unit of each measure."""

    of: Mapping[str, Mapping[str, Mapping[int, float]]]
    unit: Mapping[str, str]
    cache: dict[tuple[str, tuple[str, ...]], frozenset[float]] = field(default_factory=dict)

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
        """Whether a size is a number of these scenarios, or a difference of two of them."""
        known = tuple(name for name in names if name in self.of)
        wanted = float(size.text.replace(",", ""))
        digits = len(size.text.partition(".")[2])
        near = 0.5 * 10.0**-digits * (1 + 1e-6)
        return any(abs(value - wanted) <= near for value in self._known(size.unit, known))

    def _known(self, unit: str, names: tuple[str, ...]) -> frozenset[float]:
        if (unit, names) not in self.cache:
            self.cache[unit, names] = frozenset(map(abs, self._candidates(unit, names)))
        return self.cache[unit, names]

    def _means(self, names: tuple[str, ...]) -> Iterator[float]:
        """By how many per cent a number of one is below that of another, in the mean over all seeds."""
        for measure in self.unit:
            for one in names:
                for other in names:
                    here, there = self.of[one].get(measure, {}), self.of[other].get(measure, {})
                    seeds = [seed for seed in here if there.get(seed)]
                    if seeds:
                        yield 100 * sum(1 - here[seed] / there[seed] for seed in seeds) / len(seeds)

    def _candidates(self, unit: str, names: tuple[str, ...]) -> Iterator[float]:
        factors = UNITS[unit]
        if unit in {"per cent", "%"}:
            yield from self._means(names)
        for measure, told in self.unit.items():
            kind = "money" if re.fullmatch("[A-Z]{3}", told) else told
            for seed in {seed for name in names for seed in self.of[name].get(measure, {})}:
                values = [self.of[name].get(measure, {}).get(seed, 0.0) for name in names]
                for factor, what in factors:
                    if what in kind:
                        yield from (value * factor for value in values)
                        yield from ((one - other) * factor for one in values for other in values)
                if unit in {"per cent", "%"}:
                    yield from (100 * (1 - one / other) for one in values for other in values if other)
                if unit == "times":
                    yield from (one / other for one in values for other in values if other)


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
