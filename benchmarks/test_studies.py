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

#: Replications in which the start of processes weighs little.
MANY = 20


def test_replication_of_the_baseline_year(benchmark: BenchmarkFixture) -> None:
    """With the headline measures and series; 1.2 s of one core make 1,000 of them in ten minutes on two."""
    case = Case.of(Subject.named("baseline").scenario)
    task = Task(0, 0, (case,), chosen(None), True, MAX_INPUT, dict(study_versions()))
    numbers = iter(range(1_000))
    outcome = benchmark(lambda: replicate(task._replace(replication=next(numbers))))
    assert outcome.failure is None


def test_two_processes_against_one(benchmark: BenchmarkFixture) -> None:
    subject = Subject.named("baseline", ["period.end=2024-03-01", "run_in=20d", "horizon=20d"])
    began = perf_counter()
    ensemble(subject, MANY, How(partial(workers, 1)))
    alone = perf_counter() - began
    benchmark.pedantic(lambda: ensemble(subject, MANY, How(partial(workers, 2))), rounds=1)
    together = benchmark.stats.stats.mean
    benchmark.extra_info["replications_per_second"] = MANY / together
    benchmark.extra_info["two_jobs_against_one"] = alone / together
