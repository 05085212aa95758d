"""How many replications are made in a second, and how much faster two processes are than one."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from sim.studies.ensemble import ensemble
from sim.studies.measures import chosen
from sim.studies.study import How
from sim.studies.subject import Subject
from sim.studies.work import Case, Task, replicate, study_versions
from sim.studies.workers import workers
from sim.world.own_file import MAX_INPUT

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.benchmark(group="studies")

#: So many that the last one weighs little, at which one of two processes has nothing to do.
MANY = 40


def test_replication_of_the_baseline_year(benchmark: BenchmarkFixture) -> None:
    """With the headline measures and series; 1.2 s of one core make 1,000 of them in ten minutes on two."""
    case = Case.of(Subject.named("baseline").scenario)
    task = Task(0, 0, (case,), chosen(None), True, MAX_INPUT, dict(study_versions()))
    numbers = iter(range(1_000))
    outcome = benchmark(lambda: replicate(task._replace(replication=next(numbers))))
    assert outcome.failure is None


def test_two_processes_against_one(benchmark: BenchmarkFixture) -> None:
    """How much faster two warm processes are than one; what their start takes is told beside it."""
    alone, _ = _pace(1)
    together, start = benchmark.pedantic(_pace, (2,), rounds=1)
    benchmark.extra_info["replications_per_second"] = together
    benchmark.extra_info["two_jobs_against_one"] = together / alone
    benchmark.extra_info["seconds_until_both_are_warm"] = start


def _pace(jobs: int) -> tuple[float, float]:
    """Replications in a second once each process has made one, and seconds until then."""
    subject = Subject.named("baseline", ["period.end=2024-03-01", "run_in=20d", "horizon=20d"])
    told: list[float] = []
    ensemble(subject, MANY, How(partial(workers, jobs), progress=lambda *_: told.append(perf_counter())))
    # The first call comes before any replication.
    return (MANY - jobs) / (told[-1] - told[jobs]), told[jobs] - told[0]
