"""One run is an anecdote; many replications of one scenario tell what to expect, and how far apart runs lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from sim.errors import StudyError
from sim.results.plots import PlotsOf
from sim.studies.html import frame_html
from sim.studies.measures import chosen
from sim.studies.series import CASH_FLOW, CASH_FLOW_TOTAL
from sim.studies.statistics import estimates, quantiles
from sim.studies.study import Plan, begun, check_place
from sim.studies.subject import check_all_assumptions, command, enough
from sim.studies.tables import (
    ASSUMPTIONS,
    BANDS,
    REPLICATIONS,
    matrix,
    read_assumptions,
    read_bands,
    read_replications,
)
from sim.studies.until import looks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np

    from sim.scenario.model import Scenario
    from sim.studies.study import How, Study
    from sim.studies.subject import Subject
    from sim.studies.until import Until

#: Figures of an ensemble by name; the room that draws them puts them here.
OF_ENSEMBLE: Final[dict[str, Callable[..., Any]]] = {}


@dataclass(frozen=True, eq=False)
class Ensemble:
    """What replications of one scenario tell together.

    `replications` has a row per replication and number (scenario, common_with, replication, measure, of, value, unit,
    better), `bands` a row per series of time and instant (mean and quantiles), `failures` what could not be made. Of a
    study over what is uncertain `assumptions` has a row per replication and assumption (scenario, replication,
    assumption, quantile, value as text); of others none.
    """

    scenario: Scenario
    count: int
    """How many replications were made, those that failed among them."""
    replications: pd.DataFrame = field(repr=False)
    bands: pd.DataFrame = field(repr=False)
    failures: pd.DataFrame = field(repr=False)
    assumptions: pd.DataFrame = field(repr=False)
    until: str | None = None
    """What it was to know before it stopped, and whether that was `reached`."""
    reached: bool | None = None
    folder: Path | None = None
    plot = PlotsOf(OF_ENSEMBLE)
    """The figures as methods."""

    @property
    def summary(self) -> pd.DataFrame:
        """A row per number: measure, of, n, mean, sd, 95 % interval of the mean (low, high), quantiles, unit, better.

        `n` counts the replications that tell the number, without those in which it cannot be computed.
        """
        names, values = matrix(self.replications)
        found = estimates(values)
        columns = {**found._asdict(), **quantiles(values)}
        told = pd.DataFrame({"measure": names["measure"], "of": names["of"], **columns})
        return told.assign(unit=names["unit"], better=names["better"])

    @property
    def cash_flow_at_risk(self) -> pd.DataFrame:
        """Expected less the 5 % quantile of each side's cash flow in its own currency, by month and in all.

        A row per side and month: of, at, expected, p05, at_risk, unit; of the whole period `at` is missing.
        """
        wanted = self.bands[self.bands["series"].isin([CASH_FLOW, CASH_FLOW_TOTAL])]
        at = wanted["at"].mask((wanted["series"] == CASH_FLOW_TOTAL).to_numpy())
        told = pd.DataFrame(
            {
                "of": wanted["of"],
                "at": at,
                "expected": wanted["mean"],
                "p05": wanted["p05"],
                "at_risk": wanted["mean"] - wanted["p05"],
                "unit": wanted["unit"],
            }
        )
        return told.sort_values(["of", "at"], kind="stable", ignore_index=True)

    @property
    def figures(self) -> Mapping[str, Callable[..., Any]]:
        """The figures that show something of it, by name."""
        return OF_ENSEMBLE

    def __repr__(self) -> str:
        failed = f", {len(self.failures):,} failed" if len(self.failures) else ""
        return f"<Ensemble of {self.scenario.name!r}, seed {self.scenario.seed}: {self.count:,} replications{failed}>"

    def _repr_html_(self) -> str:
        shown = ["measure", "of", "mean", "low", "high", "p05", "p95", "unit"]
        return frame_html(repr(self)[1:-1], self.summary[shown])


def ensemble(subject: Subject, count: int, how: How) -> Ensemble:
    """Make `count` replications, or as many as `how.until` needs, and tell what they found.

    `StudyError` or `ScenarioError` before anything is made if it cannot be made as asked.
    """
    enough(count)
    if how.over:
        check_all_assumptions([subject])
    plan = Plan("ensemble", ((subject.case(),),), chosen(how.measures, how.until), over=how.over)
    if how.where is not None:
        check_place(plan, how.where)
    until = how.until
    with how.workers() as by, begun(plan, how.where) as study:
        done, reached = 0, None
        for look in looks(count, until):
            study.make(look, by, how.progress, done)
            done = look
            if until is not None:
                reached = _is_reached(study, done, until)
                if reached:
                    break
        kept = None if how.where is None else study.folder
        failed = study.tell(
            done, lambda failure: command(failure, [subject], plan.groups[0], kept, over=how.over)
        )
        found = Ensemble(
            scenario=subject.scenario,
            count=done,
            replications=read_replications(study.folder / REPLICATIONS),
            bands=read_bands(study.folder / BANDS),
            failures=failures(failed),
            assumptions=read_assumptions(study.folder / ASSUMPTIONS),
            until=None if until is None else str(until),
            reached=reached,
            folder=kept,
        )
        if how.decorate is not None and len(found.replications):
            how.decorate(found, study.folder)
        study.seal(done, until)
    return found


def failures(failed: list[dict[str, Any]]) -> pd.DataFrame:
    """A row per replication that failed: scenario, seed, replication, error, message, command that repeats it."""
    columns = ["scenario", "seed", "replication", "error", "message", "command"]
    return pd.DataFrame([[one[name] for name in columns] for one in failed], columns=columns)


def values_of(study: Study, count: int, until: Until, scenario: str) -> np.ndarray:
    """What each of the first replications tells of the number that is looked at; `StudyError` if there is none."""
    found: dict[int, float | None] = {}
    known: dict[str, None] = {}
    for group, replication in study.journal:
        if group or replication >= count:
            continue
        for block in study.journal[group, replication]["blocks"]:
            if block["scenario"] == scenario and block["common_with"] is None:
                told = {of: value for measure, of, value, *_ in block["values"] if measure == until.measure}
                known.update(dict.fromkeys(told))
                found[replication] = told.get(until.of)
    if found and until.of not in known:
        names = ", ".join(f"{until.measure}.{of}" if of else until.measure for of in known) or "none here"
        raise StudyError(f"until {until.name!r}: there is no such number; there are {names}")
    return pd.Series([found.get(number) for number in range(count)], dtype="float64").to_numpy()


def _is_reached(study: Study, count: int, until: Until) -> bool:
    name = study.plan.groups[0][0].name
    found = estimates(values_of(study, count, until, name)[None, :])
    return until.reached(float(found.half_width[0]), float(found.mean[0]))
