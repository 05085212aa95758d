"""Banks keep to a throughput rule if they have sent, by its times, the share of the day's value that it asks for."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from sim.core.clock import local_instant
from sim.results.measure import Measure
from sim.results.system_days import limited, submitted
from sim.scenario.model.timing import seconds_after_midnight

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from sim.results.days import BusinessDays
    from sim.results.system_days import Submitted
    from sim.scenario.model import Scenario
    from sim.scenario.model.settlement import Throughput

    Tables = Mapping[str, pd.DataFrame]


def throughput_rules(scenario: Scenario) -> dict[str, tuple[Throughput, ...]]:
    """The throughput rules of those systems that have one."""
    return {name: system.rule for name, system in scenario.systems.items() if system.rule}


def throughput_met(
    tables: Tables, scenario: Scenario, days: Mapping[str, BusinessDays]
) -> dict[str, Measure]:
    """How often banks kept to throughput rules, by system and time; no rule, no measure.

    Of all pairs of an account that can run dry and a day counted on which it was asked to pay anything by then:
    those whose sent value is at least the rule's share of what was asked. Asked is what was submitted on the day
    before that time, and what waited when the day began; sent is what of it settled by then, that instant included.
    What moves in links has no part in it.
    """
    rules = throughput_rules(scenario)
    if not rules:
        return {}
    transfers = tables["transfers"]
    own = {**tables, "transfers": transfers[transfers["link"].isna()]}
    found = {}
    for name, rule in rules.items():
        rows = submitted(own, name, days[name])
        met = {point.by: list(_met(rows, point, days[name], limited(tables["accounts"]))) for point in rule}
        found[name] = {by: sum(kept) / len(kept) if kept else None for by, kept in met.items()}
    return {"throughput_met": Measure(found, "share of accounts and days on which they paid")}


def _met(rows: Submitted, point: Throughput, days: BusinessDays, counts: np.ndarray) -> Iterator[bool]:
    """For each day counted and account that was asked to pay: whether it sent its share."""
    share, second = Fraction(point.share), seconds_after_midnight(point.by)
    for day in np.flatnonzero(days.counted):
        by = local_instant(days.date[day].item(), second, days.zone)
        asked = np.flatnonzero((rows.submitted_at < by) & (rows.settled_at >= days.opens_at[day]))
        value, sent = (np.zeros(len(counts), dtype=np.int64) for _ in range(2))
        np.add.at(value, rows.debit[asked], rows.amount[asked])
        done = asked[rows.settled_at[asked] <= by]
        np.add.at(sent, rows.debit[done], rows.amount[done])
        for account in np.flatnonzero(counts & (value > 0)):
            yield int(sent[account]) >= share * int(value[account])
