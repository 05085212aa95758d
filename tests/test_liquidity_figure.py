"""The figure of liquidity tells whose money is there, and whose payments wait: one bank does not pay for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from towns import run

import sim.show.figures  # noqa: F401 - registers the figures
from sim.results.plots import FIGURES
from sim.results.views import course_of_day
from sim.show.palette import ACCOUNTS

if TYPE_CHECKING:
    from pathlib import Path

    from sim.results.results import Results


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Bank `rich` has 21 and nothing to pay; 40 wait to be paid by `poor`, which is paid 5 at noon."""
    accounts = ["holder: rich, balance: 21", "holder: poor, balance: 3"]
    return run(tmp_path, accounts, ["4 10:00 poor rich 40", "4 12:00 rich poor 5"])


def test_the_course_of_a_day_is_told_by_account(results: Results) -> None:
    (day, *_) = results.system_days.itertuples()
    course = course_of_day(results, "s", day.opens_at, day.closes_at)
    assert [f"{at:%H:%M}" for at in course.index.tz_convert("Europe/Minsk")] == [
        "09:00",
        "10:00",
        "12:00",
        "17:00",
    ]
    assert course["available", "rich@s"].tolist() == [21_00, 21_00, 16_00, 16_00]
    assert course["available", "poor@s"].tolist() == [3_00, 3_00, 8_00, 8_00]
    assert course["waiting", "poor@s"].tolist() == [0, 40_00, 40_00, 40_00]
    assert course["waiting", "rich@s"].tolist() == [0] * 4


def test_payments_that_wait_are_drawn_below_the_money_of_their_own_account(results: Results) -> None:
    ax = FIGURES["liquidity"](results, Figure(layout="constrained").add_subplot())
    drawn = {}
    for patch in ax.patches:
        values, _, base = patch.get_data()
        key = (to_hex(patch.get_facecolor()), "waiting" if patch.get_hatch() else "available")
        drawn[key] = (values - base).tolist()
    # Who has most of both comes first.
    poor, rich = ACCOUNTS[:2]
    assert drawn == {
        (poor, "available"): pytest.approx([3, 3, 8]),
        (poor, "waiting"): pytest.approx([0, -40, -40]),
        (rich, "available"): pytest.approx([21, 21, 16]),
        (rich, "waiting"): pytest.approx([0, 0, 0]),
    }
    names = [text.get_text() for text in ax.texts]
    assert any("its money" in name and "its own payments that wait" in name for name in names)
    assert {"poor", "rich"} <= {*names}
    assert ax.get_ylabel() == "waiting ▼   ▲ to spend, BYN"
