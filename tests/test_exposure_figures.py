"""Figures of exposure, results and principal risk show what tables and measures hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import sim.show.figures
from sim.results.execute import execute
from sim.results.plots import FIGURES
from sim.results.views import weekly_profile
from sim.scenario.load import load
from sim.show.palette import HEAT, ink_on, luminance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.results import Results

SHORT = ("period.end=2024-01-29", "run_in=10d", "horizon=10d")


@pytest.fixture(scope="module")
def runs() -> list[Results]:
    """Four weeks under three seeds."""
    return [execute(load("baseline", (*SHORT, f"seed={seed}"))) for seed in (1, 2, 3)]


def panels(name: str, results: Results) -> list[Axes]:
    figure = Figure(layout="constrained")
    FIGURES[name](results, figure.add_subplot())
    figure.draw_without_rendering()
    return list(figure.axes)


def test_the_waterfall_ends_at_the_total(runs: list[Results]) -> None:
    found = runs[0].measures["fx_result"].value
    for ax, side in zip(panels("fx_result", runs[0]), ("belarus", "china"), strict=True):
        heights = [bar.get_height() for bar in ax.patches]
        # Everybody pays on the due date, so there is nothing to tell between that and the order.
        assert found[side]["instruction"] == 0
        told = [found[side][cause] / 1e6 for cause in ("contract", "clearing", "spread", "hedge", "total")]
        assert heights == pytest.approx(told)
        assert [bar.get_y() for bar in ax.patches][:4] == pytest.approx([0, *np.cumsum(told[:3])])
        low, high = ax.get_ylim()
        assert all(low < bar.get_y() + bar.get_height() < high for bar in ax.patches)


@pytest.mark.parametrize("sign", [1, -1])
def test_no_value_of_the_waterfall_is_crossed_by_the_zero_line(runs: list[Results], sign: int) -> None:
    told = {"contract": -1.16e6, "clearing": 1.04e6, "spread": -5.5e6, "hedge": 0.0, "total": -5.62e6}
    found = {"china": {cause: sign * value for cause, value in told.items()}}
    results = SimpleNamespace(measures={"fx_result": SimpleNamespace(value=found)}, scenario=runs[0].scenario)
    figure = Figure(figsize=(9.6, 4.8), layout="constrained")
    FIGURES["fx_result"](results, figure.add_subplot())
    figure.draw_without_rendering()
    (ax,) = figure.axes
    zero = ax.transData.transform((0, 0))[1]
    values = [text.get_window_extent() for text in ax.texts if text.get_text()[-3:-2] == "."]
    assert len(values) == len(told)
    assert not any(box.y0 <= zero <= box.y1 for box in values)


@pytest.mark.parametrize("share", np.linspace(0, 1, 41))
def test_numbers_stand_out_from_every_shade_of_the_heat_map(share: float) -> None:
    shade = mpl.colormaps[HEAT](share)[:3]
    text = luminance(to_rgb(ink_on(shade)))
    low, high = sorted((text, luminance(shade)))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_maturities_are_stacked_up_to_all_receivables_and_payables(runs: list[Results]) -> None:
    table = runs[0]["maturities"]
    for ax, side in zip(panels("maturity", runs[0]), ("belarus", "china"), strict=True):
        mine = table[table["side"] == side].groupby("at")[["receivable_reporting", "payable_reporting"]].sum()
        highest, lowest = mine["receivable_reporting"].max() / 1e8, -mine["payable_reporting"].max() / 1e8
        edges = np.concatenate([path.vertices[:, 1] for area in ax.collections for path in area.get_paths()])
        assert edges.max() == pytest.approx(highest)
        assert edges.min() == pytest.approx(lowest)
    legend = panels("maturity", runs[0])[-1].get_legend()
    assert legend is not None
    assert legend.get_texts()[0].get_text() == "overdue"


def test_the_week_of_principal_risk_adds_up_to_its_value_hours(runs: list[Results]) -> None:
    """Four whole weeks: the mean of each hour of the week, times four, times the hours."""
    start, end = (
        int(pd.Timestamp(day, tz="Europe/Minsk").timestamp()) for day in ("2024-01-01", "2024-01-29")
    )
    profile = weekly_profile(runs[0]["principal_risk"], start, end, "Europe/Minsk")
    assert profile.sum() * 4 / 100 == pytest.approx(
        runs[0].measures["principal_risk_value_hours"].value["all"]
    )
    heat, strip = panels("principal_risk", runs[0])
    (mesh,) = [found for found in heat.collections if isinstance(found, QuadMesh)]
    assert np.asarray(mesh.get_array()).ravel() == pytest.approx(profile.ravel() / 1e8)
    # Firms deal while the exchange in Minsk is open and have the money a quarter of an hour later.
    exchange = runs[0]["principal_risk"]
    exchange = exchange[exchange["kind"] == "exchange"]
    profile = weekly_profile(exchange, start, end, "Europe/Minsk")
    assert profile[:5, 10:13].sum() > 0.9 * profile.sum()
    assert [label.get_text() for label in strip.get_yticklabels()][:2] == [
        "banks on Minsk time",
        "banks on Shanghai time",
    ]


def said_of_minsk(run: Results) -> list[str]:
    return [text.get_text() for text in panels("exposure", run)[-1].texts if "in Minsk" in text.get_text()]


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2024-06-17", "2024-06-22", "19 Jun +3.0 %"),
        ("2024-12-28", "2025-01-01", "31 Dec −1.9 %"),
        ("2025-03-03", "2025-03-08", "7 Mar +2.3 %"),
    ],
)
def test_the_figure_says_where_minsk_stood_off_the_world(start: str, end: str, told: str) -> None:
    frame = (f"period.start={start}", f"period.end={end}", "run_in=0d", "horizon=1d")
    (text,) = said_of_minsk(execute(load("baseline", frame), measures=[]))
    assert text.startswith("▲ USD/CNY in Minsk over 1.5 % off the world's (ECB): ")
    assert told in text


def test_the_figure_is_silent_where_minsk_was_with_the_world(runs: list[Results]) -> None:
    assert not said_of_minsk(runs[0])


def test_opening_hours_are_told_in_the_zone_of_the_period(runs: list[Results]) -> None:
    openings = runs[0]["openings"].groupby("place", observed=True)["open_share"]
    places = {str(place): share.to_numpy() for place, share in openings}
    quarters = np.arange(96) / 4

    def opened(name: str) -> tuple[float, float]:
        inside = quarters[places[name] > 0.5]
        return inside.min(), inside.max() + 0.25

    assert opened("banks on Minsk time") == (9, 17.5)
    # Nine to five in Shanghai, five hours ahead.
    assert opened("banks on Shanghai time") == (4, 12)
    assert opened("bcse") == (10, 13)


def test_a_fan_shows_the_median_and_holds_every_run_between_its_bounds(runs: list[Results]) -> None:
    ax = Figure(layout="constrained").add_subplot()
    assert sim.show.exposure_fan(runs, ax) is ax
    lines = {line.get_label(): line for line in ax.get_lines()}
    for code in ("CNY", "USD"):
        wide = np.column_stack(
            [
                run.exposure[(run.exposure["side"] == "belarus") & (run.exposure["currency"] == code)][
                    "net_open_position_reporting"
                ]
                for run in runs
            ]
        )
        assert np.asarray(lines[code].get_ydata()) == pytest.approx(np.median(wide, axis=1) / 1e8)
    with pytest.raises(ValueError, match="at least one run"):
        sim.show.exposure_fan([])
    other = execute(load("baseline", (*SHORT[1:], "period.end=2024-01-20")))
    with pytest.raises(ValueError, match="differ"):
        sim.show.exposure_fan([runs[0], other])


BARE = """
name: bare
period: {start: 2024-03-04 00:00, end: 2024-03-06 00:00}
fx: {kind: constant, rates: {CNY: 7, BYN: 3}}
sides: {belarus: {functional_currency: BYN, hours: always}}
systems: {nostro-cny: {kind: rtgs, currency: CNY, hours: always}}
"""


@pytest.mark.parametrize("name", ["fx_result", "maturity", "principal_risk"])
def test_a_run_without_trade_says_so(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("bare") / "bare.yaml"
    path.write_text(BARE, "utf-8")
    results = execute(load(path))
    texts = [text.get_text() for ax in panels(name, results) for text in ax.texts]
    assert any(text.startswith(("no ", "nothing ")) for text in texts)


@pytest.mark.parametrize("name", ["exposure", "fx_result", "maturity"])
def test_sides_are_compared_on_one_scale_and_in_one_currency(name: str, runs: list[Results]) -> None:
    one, other = panels(name, runs[0])[:2]
    assert one.get_ylim() == other.get_ylim()
    assert "USD m" in one.get_ylabel()
    assert one.get_ylabel() == other.get_ylabel()


def test_sides_of_a_fan_are_compared_on_one_scale(runs: list[Results]) -> None:
    one, other = sim.show.exposure_fan(runs, Figure().add_subplot()).figure.axes
    assert one.get_ylim() == other.get_ylim()
