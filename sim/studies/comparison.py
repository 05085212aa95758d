"""Scenarios are compared over the same chance: what differs between them is then the design, not the draw."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.errors import StudyError
from sim.results.plots import PlotsOf
from sim.studies.apart import differing, take_apart
from sim.studies.ensemble import failures, values_of
from sim.studies.html import frame_html
from sim.studies.measures import chosen
from sim.studies.players import shares
from sim.studies.statistics import estimates, sureness
from sim.studies.study import Plan, begun, check_place
from sim.studies.subject import check_all_assumptions, command, enough
from sim.studies.tables import (
    ASSUMPTIONS,
    BANDS,
    PARTS,
    REPLICATIONS,
    matrix,
    read_assumptions,
    read_bands,
    read_replications,
)
from sim.studies.until import looks
from sim.studies.workers import workers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sim.scenario.model import Scenario
    from sim.studies.apart import Apart
    from sim.studies.study import How, Study
    from sim.studies.subject import Subject
    from sim.studies.until import Until

_TWO: Final = 2
#: From so many minutes on they are told by number.
_MINUTES: Final = 1.5

#: Figures of a comparison by name; the room that draws them puts them here.
OF_COMPARISON: Final[dict[str, Callable[..., Any]]] = {}


@dataclass(frozen=True, eq=False)
class Comparison:
    """What scenarios tell over the same draws, each set against the first one, `today`.

    `replications`, `bands`, `failures` and `assumptions` are those of an ensemble, `differing` has a row per key in
    which a scenario differs from today's (scenario, key). `parts` has a row per change, replication and number if the
    design was taken apart (change, replication, measure, of, value, unit), `decomposition` their means with intervals.
    """

    scenarios: tuple[Scenario, ...]
    count: int
    """How many replications were made, those that failed among them."""
    replications: pd.DataFrame = field(repr=False)
    bands: pd.DataFrame = field(repr=False)
    failures: pd.DataFrame = field(repr=False)
    assumptions: pd.DataFrame = field(repr=False)
    differing: pd.DataFrame = field(repr=False)
    parts: pd.DataFrame | None = field(default=None, repr=False)
    decomposition: pd.DataFrame | None = field(default=None, repr=False)
    until: str | None = None
    """What it was to know before it stopped, and whether that was `reached`."""
    reached: bool | None = None
    folder: Path | None = None
    plot = PlotsOf(OF_COMPARISON)
    """The figures as methods."""

    @property
    def today(self) -> str:
        """The scenario that the others are set against."""
        return self.scenarios[0].name

    @property
    def differences(self) -> pd.DataFrame:
        """A row per scenario beside today's and number: the paired difference, scenario less today.

        Columns scenario, over (`all` or `common` obligations), measure, of, n, today, design (means), difference, sd,
        low and high (95 % interval), unit, better (which way), winner (the better scenario, empty where there is no
        better or no difference) and sure (how surely the difference has its sign). Numbers that one of the two does not
        tell are left out.
        """
        names, values = matrix(self.replications)
        row_of = {
            key: number for number, key in enumerate(names.iloc[:, :4].itertuples(index=False, name=None))
        }
        found = []
        for scenario, over in product((one.name for one in self.scenarios[1:]), ("all", "common")):
            own, other = ("", "") if over == "all" else (self.today, scenario)
            pairs = [
                (row_of[self.today, other, measure, of], row)
                for (name, common, measure, of), row in row_of.items()
                if (name, common) == (scenario, own) and (self.today, other, measure, of) in row_of
            ]
            if pairs:
                found.append(_paired(names, values, pairs).assign(scenario=scenario, over=over))
        if not found:
            return pd.DataFrame(columns=[*_COLUMNS])
        table = pd.concat(found, ignore_index=True)
        ahead = np.where(table["better"] == "lower", -1, np.where(table["better"] == "higher", 1, 0))
        side = ahead * np.sign(table["difference"].to_numpy())
        table["winner"] = np.where(side > 0, table["scenario"], np.where(side < 0, self.today, ""))
        return table[[*_COLUMNS]]

    @property
    def figures(self) -> Mapping[str, Callable[..., Any]]:
        """The figures that show something of it, by name."""
        return OF_COMPARISON

    def __repr__(self) -> str:
        others = ", ".join(repr(one.name) for one in self.scenarios[1:])
        failed = f", {len(self.failures):,} failed" if len(self.failures) else ""
        seed = self.scenarios[0].seed
        return (
            f"<Comparison of {self.today!r} with {others}, seed {seed}: {self.count:,} replications{failed}>"
        )

    def _repr_html_(self) -> str:
        shown = [
            "scenario",
            "over",
            "measure",
            "of",
            "today",
            "difference",
            "low",
            "high",
            "unit",
            "winner",
            "sure",
        ]
        frames = [self.differences[shown]]
        if self.decomposition is not None:
            frames.append(self.decomposition[["change", "measure", "of", "part", "low", "high", "unit"]])
        return frame_html(repr(self)[1:-1], *frames)


_COLUMNS: Final = (
    *("scenario", "over", "measure", "of", "n", "today", "design", "difference", "sd", "low", "high"),
    *("unit", "better", "winner", "sure"),
)


def _paired(names: pd.DataFrame, values: np.ndarray, pairs: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """The rows of numbers told by both, of pairs of rows of `values`: today's and the design's."""
    today, design = (values[[pair[k] for pair in pairs]] for k in range(2))
    found = estimates(design - today)
    both = np.where(np.isnan(design - today), np.nan, today)
    mean = estimates(both).mean
    told = names.iloc[[row for _, row in pairs]][["measure", "of", "unit", "better"]].reset_index(drop=True)
    return told.astype("str").assign(
        n=found.n,
        today=mean,
        design=mean + found.mean,
        difference=found.mean,
        sd=found.sd,
        low=found.low,
        high=found.high,
        sure=sureness(found),
    )


def compare(
    subjects: Sequence[Subject],
    count: int,
    how: How,
    *,
    decompose: bool = False,
    announce: Callable[[str], object] = lambda _: None,
) -> Comparison:
    """Make `count` replications of each scenario, or as many as `how.until` needs, and set all against the first.

    With `decompose` the second is taken apart into the changes that the first lacks; `announce` is told how many runs
    that needs, and how long they may take. `StudyError` or `ScenarioError` before anything is made if it cannot be made
    as asked.
    """
    enough(count)
    _check(subjects, decompose=decompose)
    if how.over:
        check_all_assumptions(subjects)
    cases = tuple(subject.case() for subject in subjects)
    apart = take_apart(subjects[0], subjects[1], cases, over=how.over) if decompose else None
    between = [] if apart is None else [(case,) for case in apart.cases.values() if case not in cases]
    plan = Plan("comparison", (cases, *between), chosen(how.measures, how.until), over=how.over)
    if how.where is not None:
        check_place(plan, how.where)
    with how.workers() as by, begun(plan, how.where) as study:
        if apart is not None:
            announce(_foretold(study, count, by.size))
        done, reached = 0, None
        for look in looks(count, how.until):
            study.make(look, by, how.progress, done)
            done = look
            if how.until is not None:
                reached = _is_reached(study, done, how.until)
                if reached:
                    break
        kept = None if how.where is None else study.folder
        everyone = [case for group in plan.groups for case in group]
        failed = study.tell(done, lambda failure: command(failure, subjects, everyone, kept, over=how.over))
        numbers = read_replications(study.folder / REPLICATIONS)
        found = Comparison(
            scenarios=tuple(subject.scenario for subject in subjects),
            count=done,
            replications=numbers,
            bands=read_bands(study.folder / BANDS),
            failures=failures(failed),
            assumptions=read_assumptions(study.folder / ASSUMPTIONS),
            differing=_differing(subjects, over=how.over),
            **(
                {}
                if apart is None or numbers.empty
                else dict(zip(_PARTS, _parts(apart, numbers), strict=True))
            ),
            until=None if how.until is None else str(how.until),
            reached=reached,
            folder=kept,
        )
        if found.parts is not None:
            study.add(PARTS, found.parts)
        if how.decorate is not None and len(numbers):
            how.decorate(found, study.folder)
        study.seal(done, how.until)
    return found


_PARTS: Final = ("parts", "decomposition")


def _check(subjects: Sequence[Subject], *, decompose: bool) -> None:
    if len(subjects) < _TWO:
        raise StudyError("a comparison needs two scenarios or more")
    names = [subject.scenario.name for subject in subjects]
    if twice := [name for name in names if names.count(name) > 1]:
        raise StudyError(f"two of these scenarios have the same name, {twice[0]!r}; names tell them apart")
    if len({subject.scenario.seed for subject in subjects}) > 1:
        told = ", ".join(f"{subject.scenario.name} has {subject.scenario.seed}" for subject in subjects)
        raise StudyError(
            f"these scenarios have different seeds ({told}), so that their draws differ; give one by --seed"
        )
    if len({subject.scenario.reporting_currency for subject in subjects}) > 1:
        raise StudyError("these scenarios report in different currencies; set reporting_currency")
    if decompose and len(subjects) > _TWO:
        raise StudyError("one scenario is taken apart at a time: name two, the one of today and the design")


def _foretold(study: Study, count: int, size: int) -> str:
    """Make the first replication of the scenarios themselves, and tell how long all may take."""
    runs = count * sum(map(len, study.plan.groups))
    began = time.perf_counter()
    if (0, 0) in study.journal:
        return f"{runs:,} runs: {count:,} replications of {runs // count:,} scenarios"
    with workers() as here:
        study.make(1, here, lambda _done, _total: None, groups=(0,))
    each = (time.perf_counter() - began) / len(study.plan.groups[0])
    minutes = each * runs / size / 60
    told = f"about {minutes:,.0f} minutes" if minutes >= _MINUTES else "a minute or two"
    return f"{runs:,} runs: {count:,} replications of {runs // count:,} scenarios, {told}"


def _differing(subjects: Sequence[Subject], *, over: bool) -> pd.DataFrame:
    """The keys in which each scenario differs from the first; none where one was given as an object."""
    rows = []
    for subject in subjects[1:]:
        if subject.loaded is not None and subjects[0].loaded is not None:
            paths = differing(subjects[0].loaded.given, subject.loaded.given, over=over)
            rows += [(subject.scenario.name, path) for path in paths]
    return pd.DataFrame(rows, columns=["scenario", "key"])


def _parts(apart: Apart, numbers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The share of each change in each number and replication, and their means with intervals."""
    whole = numbers[numbers["common_with"] == ""]
    names, values = matrix(whole)
    replications = np.sort(whole["replication"].unique())
    keys = list(dict.fromkeys(names[["measure", "of"]].itertuples(index=False, name=None)))
    row_of = {
        key: row
        for row, key in enumerate(names[["scenario", "measure", "of"]].itertuples(index=False, name=None))
    }
    by_members = {}
    for members, case in apart.cases.items():
        rows = [row_of.get((case.name, *key), -1) for key in keys]
        by_members[members] = np.vstack([values, np.full(values.shape[1], np.nan)])[rows]
    found, error = shares(by_members, apart.among)
    unit_of = {
        (measure, of): unit
        for measure, of, unit in zip(names["measure"], names["of"], names["unit"], strict=True)
    }
    heads = pd.DataFrame(keys, columns=["measure", "of"]).assign(unit=[str(unit_of[key]) for key in keys])
    parts, means = [], []
    for player, name in enumerate(apart.names):
        told = estimates(found[player], error[player])
        columns = {"n": told.n, "part": told.mean, "low": told.low, "high": told.high}
        means.append(
            heads.assign(change=name, says=apart.says[player], **columns, sampling_error=error[player])
        )
        each = heads.loc[np.repeat(np.arange(len(keys)), len(replications))].reset_index(drop=True)
        each = each.assign(
            change=name, replication=np.tile(replications, len(keys)), value=found[player].ravel()
        )
        parts.append(each[each["value"].notna()])
    columns_of_parts = ["change", "replication", "measure", "of", "value", "unit"]
    columns_of_means = [
        "change",
        "says",
        "measure",
        "of",
        "n",
        "part",
        "low",
        "high",
        "sampling_error",
        "unit",
    ]
    means = [mean[mean["n"] > 0] for mean in means]
    return (
        pd.concat(parts, ignore_index=True)[columns_of_parts],
        pd.concat(means, ignore_index=True)[columns_of_means],
    )


def _is_reached(study: Study, count: int, until: Until) -> bool:
    """Whether each difference from today is known so well, a share being one of today's value."""
    today, *others = (case.name for case in study.plan.groups[0])
    of_today = values_of(study, count, until, today)
    for name in others:
        of_design = values_of(study, count, until, name)
        found = estimates((of_design - of_today)[None, :])
        if not until.reached(float(found.half_width[0]), float(np.nanmean(of_today))):
            return False
    return True
