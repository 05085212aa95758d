"""Scenario in, results out: the one way through the house."""

from __future__ import annotations

import hashlib
import platform
import time
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from sim.engine.run import simulate
from sim.results.book import open_book
from sim.results.borrowing import borrowings_table, facility_use, funding_table
from sim.results.calendar import holidays_table, in_flight_table
from sim.results.clearing import clearing_measures
from sim.results.costs import cost_measures, costs_table
from sim.results.days import business_days
from sim.results.exposure import exposure_table, fx_results_table, maturities_table
from sim.results.folder import Text, sha256_of
from sim.results.frozen import frozen_measure, frozen_table
from sim.results.fx_by import fx_result_by_table
from sim.results.hedges import hedges_table
from sim.results.intraday import intraday_measures, intraday_table
from sim.results.lateness import lateness_measure
from sim.results.liquidity import balances_table
from sim.results.losses import losses_table
from sim.results.measures import measures
from sim.results.pace import throughput_met
from sim.results.positions import bank_positions_table, positions_table
from sim.results.principal import principal_risk_table
from sim.results.promises import check_promises
from sim.results.results import Results
from sim.results.returns import return_measures, returns_table
from sim.results.reviews import desk_days_table, review_measures, reviews_table
from sim.results.risk_measures import risk_measures
from sim.results.settlement import system_measures
from sim.results.system_days import system_days_table
from sim.results.tables import fact_tables
from sim.results.throughput import throughput_measure, throughput_table
from sim.scenario.load import to_yaml
from sim.world.build import build_world, prepare
from sim.world.own_payments import MAX_INPUT
from sim.world.timing import resolve_calendars

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.engine.records import Records
    from sim.results.days import BusinessDays
    from sim.scenario.model import Scenario
    from sim.world.world import DrawnWorld


def execute(
    scenario: Scenario,
    progress: Callable[[int, DrawnWorld], None] | None = None,
    *,
    max_input: int = MAX_INPUT,
) -> Results:
    """Run a scenario and check its promises; nothing is written.

    `progress` is told the simulated instant now and then; `max_input` is as for `build_world`. `ScenarioError`
    if the scenario cannot be run,
    `PromiseError` if an identity does not hold.
    """
    began = time.perf_counter()
    world = build_world(scenario, max_input=max_input)
    drawn = time.perf_counter()
    records = simulate(world, None if progress is None else lambda at: progress(at, world))
    simulated = time.perf_counter()
    days = business_days(world)
    tables = all_tables(world, records, days)
    start, end = (
        pd.Timestamp(at, unit="s", tz="UTC") for at in (world.window.period_start, world.window.end)
    )
    check_promises(tables, end)
    resolved = resolve_calendars(scenario, world.openings)
    period = (world.window.period_start, world.window.period_end)
    headline = measures(tables, scenario.reporting_currency, start, end)
    found = {
        **headline,
        **cost_measures(tables, headline, scenario.reporting_currency),
        **facility_use(tables["borrowings"]),
        **risk_measures(tables, scenario, period),
        **system_measures(tables, days, period),
        "throughput": throughput_measure(tables["throughput"], tables["systems"]["system"]),
        **throughput_met(tables, scenario, days),
        **frozen_measure(tables, scenario.reporting_currency, end),
        **clearing_measures(tables, period),
        **lateness_measure(tables, scenario, period, end),
        **intraday_measures(tables, scenario.reporting_currency, start),
        **review_measures(tables, period),
        **return_measures(tables, scenario.reporting_currency, end),
    }
    timings = {
        "world": drawn - began,
        "engine": simulated - drawn,
        "results": time.perf_counter() - simulated,
    }
    return Results(resolved, MappingProxyType(found), _manifest(resolved, world, tables, timings), tables)


def all_tables(
    world: DrawnWorld, records: Records, days: Mapping[str, BusinessDays]
) -> dict[str, pd.DataFrame]:
    """The tables of facts, and those computed from them; `days` are the business days of each system."""
    tables = fact_tables(world, records)
    tables["balances"] = balances_table(world, tables["accounts"], tables["postings"])
    tables["borrowings"], tables["funding"] = borrowings_table(world, records), funding_table(world, records)
    tables["liquidity_costs"] = costs_table(world, tables)
    book = open_book(world, records)
    tables["hedges"] = hedges_table(world, book.forwards)
    tables["exposure"] = exposure_table(world, records, book)
    tables["maturities"] = maturities_table(world, book)
    tables["positions"] = positions_table(world, book)
    tables["bank_positions"] = bank_positions_table(world.scenario, tables)
    tables["fx_results"] = fx_results_table(world, records, book)
    tables["fx_result_by"] = fx_result_by_table(tables, world.scenario.reporting_currency)
    tables["losses"] = losses_table(world, tables["exposure"])
    tables["reviews"], tables["returns"] = reviews_table(world, records), returns_table(world, records)
    tables["principal_risk"] = principal_risk_table(world.scenario, tables)
    tables["system_days"] = system_days_table(tables, days)
    tables["intraday"] = intraday_table(tables, days, world.window.end)
    tables["throughput"] = throughput_table(tables, days)
    tables["desk_days"] = desk_days_table(world, records)
    tables["in_flight"] = in_flight_table(world, records)
    tables["holidays"] = holidays_table(world)
    tables["frozen"] = frozen_table(world, tables)
    return tables


def _manifest(
    resolved: Scenario, world: DrawnWorld, tables: dict[str, pd.DataFrame], timings: dict[str, float]
) -> dict[str, Any]:
    """What made the run; wall-clock time stands here and nowhere else."""
    libraries = ("holidays", "numpy", "pandas", "pyarrow", "scipy", "simpy")
    return {
        "scenario": resolved.name,
        "seed": resolved.seed,
        "scenario_sha256": _sha256(resolved),
        "versions": {
            "local-currency-settlement": version("local-currency-settlement"),
            "python": platform.python_version(),
            **{name: version(name) for name in libraries},
        },
        **_own_file(resolved),
        "followed_until": pd.Timestamp(world.window.end, unit="s", tz="UTC").isoformat(),
        "warnings": list(world.warnings),
        "timings_seconds": {name: round(seconds, 3) for name, seconds in timings.items()},
        "tables": dict.fromkeys(tables),
    }


def text_of(scenario: Scenario) -> Text:
    """What determines the tables that a scenario gives; `ScenarioError` if it cannot be run."""
    openings, _ = prepare(scenario)
    return Text.of({"scenario_sha256": _sha256(resolve_calendars(scenario, openings)), **_own_file(scenario)})


def _sha256(resolved: Scenario) -> str:
    return hashlib.sha256(to_yaml(resolved).encode()).hexdigest()


def _own_file(scenario: Scenario) -> dict[str, dict[str, str]]:
    """The file that payments of one's own came from, by its absolute path, and what was in it."""
    if scenario.payments is None:
        return {}
    file = Path(scenario.payments.file)
    return {"payments_file": {"path": str(file), "sha256": sha256_of(file)}}
