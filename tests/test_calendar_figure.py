"""The gaps that holidays tear show in the number of payments under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from builders import Order, accounts, by_hand, declare, town
from matplotlib.figure import Figure
from telling import run_of

import sim.show.figures  # noqa: F401 - registers the figures
from sim.engine.run import simulate
from sim.results.plots import FIGURES

if TYPE_CHECKING:
    from sim.results.results import Results


def test_payments_count_at_each_midnight_between_order_and_credit() -> None:
    slow = {"kind": "post", "work": {"kind": "fixed", "value": "30h"}}
    scenario = declare(
        town(
            {"a": "10", "b": "0"},
            accounts=accounts({"a": "10", "b": "0"}),
            routes={"direct": {"steps": [{"kind": "settle", "system": "gross"}, slow]}},
        )
    )
    world = by_hand(
        scenario,
        Order("2024-03-04 12:00", "a", "b", 1),
        Order("2024-03-05 23:00", "a", "b", 1),
        Order("2024-03-06 00:00", "a", "b", 1),
        Order("2024-03-07 18:00", "a", "b", 1),
    )
    table = run_of(world, simulate(world))["in_flight"]
    assert len(table) == 7
    assert str(table["date"].iloc[0].date()) == "2024-03-04"
    # Credited on the 5th at 18:00, on the 7th at 5:00 and 6:00, and on the 9th at 0:00, at midnight itself.
    assert table["payments"].tolist() == [1, 1, 2, 1, 0, 0, 0]


def test_a_year_counts_what_an_outsider_counts(baseline_run: Results) -> None:
    table, payments = baseline_run["in_flight"], baseline_run.payments
    assert len(table) == 366
    for row in (0, 45, 200, 365):
        at = table["at"].iloc[row]
        under_way = (payments["instructed_at"] < at) & ~(payments["credited_at"] <= at)
        assert table["payments"].iloc[row] == under_way.sum()


def test_the_holidays_of_both_countries_are_stretches_without_work(baseline_run: Results) -> None:
    table = baseline_run["holidays"]
    spans = {
        (str(side), f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")
        for side, first, last in table.itertuples(index=False)
    }
    assert ("china", "2024-02-10", "2024-02-17") in spans
    assert ("china", "2024-10-01", "2024-10-07") in spans
    assert ("belarus", "2024-05-11", "2024-05-14") in spans
    # A plain weekend is none.
    assert not any(first == "2024-06-15" for _, first, _ in spans)


def test_the_gaps_of_february_and_october_are_seen(baseline_run: Results) -> None:
    counts = baseline_run["in_flight"].set_index("date")["payments"]
    usual = np.percentile(counts, 90)
    for first, last in (("2024-02-09", "2024-02-19"), ("2024-09-30", "2024-10-08")):
        assert counts[first:last].max() > 1.5 * usual
    drawn = Figure()
    ax = FIGURES["calendar"](baseline_run, drawn.add_subplot())
    spans = [patch.get_extents().transformed(ax.transData.inverted()) for patch in ax.patches]
    start = (pd.Timestamp("2024-10-01") - pd.Timestamp("1970-01-01")).days
    assert any(abs(span.x0 - start) < 1e-6 and abs(span.x1 - start - 7) < 1e-6 for span in spans)
    (line,) = ax.get_lines()
    # The last step reaches to the end of the year.
    assert np.array_equal(line.get_ydata(), [*counts, counts.iloc[-1]])
    assert line.get_xdata()[-1] == pd.Timestamp("2025-01-01")
