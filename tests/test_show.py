"""Figures and the summary tell what the tables hold, to every reader, and leave nothing behind."""

from __future__ import annotations

import itertools
import subprocess
import sys
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from rich.console import Console
from tiny import tiny_run

import sim.show.figures  # noqa: F401 - registers the figures
from sim.core.causes import CLOSED, REASONS
from sim.results.execute import execute
from sim.results.plots import FIGURES
from sim.scenario.load import load
from sim.show import palette
from sim.show.console import print_library
from sim.show.save import save_figures
from sim.show.summary import print_summary
from sim.show.words import amount, duration, percent, place, spelt

if TYPE_CHECKING:
    from pathlib import Path

    from sim.results.results import Results

NAMES = [
    "backlog",
    "calendar",
    "closed",
    "delay",
    "exposure",
    "fx_result",
    "liquidity",
    "maturity",
    "principal_risk",
    "throughput",
]

#: Figures of runs in which money is paid away before its counter-value is final, or desks state their staff.
ONLY_SOME = {"backlog", "principal_risk"}

SMALL = """
name: small
question: Does it fit?
period: {start: 2024-03-04 00:00, end: 2024-03-16 00:00, zone: Europe/Minsk}
run_in: 4d
horizon: 2d
sides:
  belarus: {functional_currency: BYN, hours: office, markets: [bcse]}
  china: {functional_currency: CNY, hours: office, markets: [bcse]}
hours:
  office: {zone: Europe/Minsk, sessions: ["09:00-17:00"]}
fx: {kind: constant, rates: {BYN: 3.2, CNY: 7.2}}
markets:
  bcse:
    hours: office
    pairs: {CNY/BYN: {spread_bps: 30}, USD/BYN: {spread_bps: 20}, USD/CNY: {spread_bps: 20}}
banks:
  minsk-a: {side: belarus, hours: office}
  beijing-a: {side: china, hours: office}
systems:
  nostro-cny: {kind: correspondent, currency: CNY, hours: office}
  nostro-usd: {kind: correspondent, currency: USD, hours: always}
accounts:
  - {holder: minsk-a, system: nostro-cny, servicer: beijing-a, balance: 4_000_000}
  - {holder: minsk-a, system: nostro-usd, servicer: beijing-a, balance: 9_000_000}
routes:
  cny-to-china:
    carries: {currencies: [CNY]}
    steps:
      - {kind: originate, work: {kind: fixed, value: 30min}}
      - {kind: convert, fee: {currency: USD, share: 0.001}}
      - {kind: settle, system: nostro-cny}
      - {kind: post, work: {kind: fixed, value: 10min}}
  usd:
    carries: {currencies: [USD]}
    steps:
      - {kind: originate, work: {kind: fixed, value: 1h}}
      - {kind: convert}
      - {kind: settle, system: nostro-usd}
      - {kind: screen, at: payee_bank, probability: 0.5, work: {kind: fixed, value: 12h}}
      - {kind: post, work: {kind: fixed, value: 10min}}
      - {kind: convert, by: payee}
firms:
  importers: {side: belarus, count: 5, cities: {Minsk: 1}, banks: {minsk-a: 1}}
  suppliers: {side: china, count: 5, cities: {Beijing: 1}, banks: {beijing-a: 1}}
flows:
  goods:
    payer: importers
    payee: suppliers
    value: 200_000_000
    currency: CNY
    invoice: {kind: fixed, value: 100_000}
    invoicing: {CNY: 0.8, USD: 0.2}
    terms: {open: {share: 1, days: [1, 3]}}
"""

BARE = """
name: bare
period: {start: 2024-03-04 00:00, end: 2024-03-06 00:00}
fx: {kind: constant, rates: {CNY: 7}}
banks: {minsk-a: {hours: always}, beijing-a: {hours: always}}
systems: {nostro-cny: {kind: correspondent, currency: CNY, hours: always}}
accounts: [{holder: minsk-a, system: nostro-cny, servicer: beijing-a, balance: 1}]
"""

#: Deuteranopia and protanopia in linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
BLINDNESS = {
    "none": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two routes, of which one runs out of money, so that some payments stay pending."""
    return run(tmp_path_factory.mktemp("small"), SMALL)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """No firms, so no payments."""
    return run(tmp_path_factory.mktemp("bare"), BARE)


def run(folder: Path, text: str, *overrides: str) -> Results:
    path = folder / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return execute(load(path, overrides))


def drawn(name: str, results: Results) -> list[Axes]:
    """All panels of a figure."""
    return list(FIGURES[name](results, Figure(layout="constrained").add_subplot()).figure.axes)


def rendered(name: str, results: Results) -> list[Axes]:
    """All panels of a figure, laid out as if it were saved."""
    panels = drawn(name, results)
    panels[0].figure.draw_without_rendering()
    return panels


def summary(results: Results, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    print_summary(results, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_returns_the_axes_it_was_given(name: str, results: Results) -> None:
    ax = Figure().add_subplot()
    assert FIGURES[name](results, ax) is ax


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_without_axes_makes_its_own(name: str, results: Results) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only this test shows a figure

    plt.switch_backend("agg")
    assert isinstance(getattr(results.plot, name)(), Axes)
    assert len(plt.get_fignums()) == 1
    plt.close("all")


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_fits_beside_another(name: str, results: Results) -> None:
    figure = Figure(figsize=(16, 6), layout="constrained")
    left, right = figure.subplots(1, 2)
    FIGURES[name](results, left)
    figure.draw_without_rendering()
    for panel in figure.axes:
        if panel is not right:
            assert panel.get_position().x1 < right.get_position().x0


def test_every_figure_is_registered() -> None:
    assert sorted(FIGURES) == NAMES


def test_values_have_a_name_and_a_unit(results: Results) -> None:
    positions = drawn("exposure", results)
    assert [ax.get_ylabel() for ax in positions[:2]] == ["net open position, USD m"] * 2
    assert positions[2].get_ylabel() == "4 Mar 2024 = 100"
    assert positions[2].get_xlabel() == "date (Europe/Minsk)"
    distribution, places, reasons = drawn("delay", results)
    assert "hours (h) and days (d)" in distribution.get_xlabel()
    assert places.get_xlabel() == reasons.get_xlabel() == "mean delay, hours per payment"


def test_positions_are_those_of_the_table(results: Results) -> None:
    for side, ax in zip(results.scenario.sides, drawn("exposure", results), strict=False):
        table = results.exposure[results.exposure["side"] == side]
        lines = {line.get_label(): line for line in ax.get_lines()}
        for code, rows in table.groupby("currency", observed=True):
            expected = rows["net_open_position_reporting"] / 1e8
            np.testing.assert_allclose(lines[code].get_ydata(), expected, rtol=1e-12)
            days = pd.DatetimeIndex(lines[code].get_xdata())
            assert days.tolist() == rows["at"].dt.tz_convert("Europe/Minsk").dt.tz_localize(None).tolist()


def test_rates_begin_at_one_hundred_and_are_named_with_their_price(tmp_path: Path) -> None:
    still = "{kind: constant, rates: {BYN: 3.2, CNY: 7.2}}"
    moving = "{kind: lognormal, start: {BYN: 3.2, CNY: 7.2}, volatility: {BYN: 0.2, CNY: 0.1}}"
    results = run(tmp_path, SMALL.replace(still, moving))
    ax = drawn("exposure", results)[-1]
    at = results.fx[results.fx["valid_from"] <= pd.Timestamp("2024-03-15 21:00", tz="UTC")]
    last = at.groupby("currency", observed=True)["per_usd"].last()
    lines = {line.get_label(): line.get_ydata() for line in ax.get_lines()}
    assert lines["CNY"][0] == lines["USD"][0] == pytest.approx(100)
    assert len(set(lines["CNY"])) > 5
    texts = {text.get_text() for text in ax.texts}
    assert f"1 CNY = {last['BYN'] / last['CNY']:.4g} BYN" in texts


def test_payments_without_a_route_of_their_own_have_a_row_of_delay(tmp_path: Path) -> None:
    ax = tiny_run(tmp_path).plot.delay(Figure().subplots())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Direct S\n3\n33.3 % not credited"]


def test_bars_add_up_to_the_mean_delay_of_the_measures(results: Results) -> None:
    _, places, ax = drawn("delay", results)
    profiles = results.measures["delay_by_route"].value
    widths = np.array([[bar.get_width() for bar in bars] for bars in ax.containers])
    np.testing.assert_allclose(widths.sum(axis=0), [profile["mean"] for profile in profiles.values()])
    widths = np.array([[bar.get_width() for bar in bars] for bars in places.containers])
    told = [hours for hours in results.measures["delay_by_place"].value.values() if hours]
    np.testing.assert_allclose(widths.sum(axis=0), told)


def test_only_reasons_that_occur_are_explained(results: Results) -> None:
    _, places, _ = drawn("delay", results)
    found = results.measures["delay_by_reason"].value
    occurring = [words for reason, words in REASONS.items() if found[reason]]
    assert [text.get_text() for text in places.get_legend().get_texts()] == occurring
    assert 0 < len(occurring) < len(REASONS)


def test_who_is_shut_is_drawn_by_kind_of_day(results: Results) -> None:
    (ax,) = drawn("closed", results)
    matrix = results.measures["delay_matrix"].value
    kinds = [reason for reason in CLOSED.values() if any(reason in reasons for reasons in matrix.values())]
    told = {place(key): [reasons.get(kind, 0) for kind in kinds] for key, reasons in matrix.items()}
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert {*names} == {name for name, hours in told.items() if any(hours)}
    widths = np.array([[bar.get_width() for bar in bars] for bars in ax.containers])
    np.testing.assert_allclose(widths.T, [told[name] for name in names])
    assert (np.diff(widths.sum(axis=0)) <= 0).all()


def test_marks_are_the_percentiles_of_the_measures(results: Results) -> None:
    ax, *_ = drawn("delay", results)
    marks = [line.get_xdata()[0] for line in ax.get_lines()]
    profiles = results.measures["delay_by_route"].value.values()
    assert marks == [profile[name] for profile in profiles for name in ("p50", "p95")]


def test_the_distribution_counts_only_what_was_credited(results: Results) -> None:
    ax, *_ = drawn("delay", results)
    counted = results.payments[results.payments["counted"]]
    groups = counted.groupby("route", observed=True)
    expected = [group["credited_at"].notna().mean() for _, group in groups]
    areas = np.array(
        [(baseline - heights).sum() for heights, _, baseline in map(StepPatch.get_data, ax.patches)]
    )
    assert areas / areas[1] == pytest.approx(np.array(expected) / expected[1])
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0].splitlines() == [
        "CNY to China",
        str(len(groups.get_group("cny-to-china"))),
        f"{percent(1 - expected[0])} not credited",
    ]


def test_a_percentile_or_mean_that_could_be_larger_is_a_lower_bound(results: Results) -> None:
    told = results.measures["delay_by_route"].value
    most = results.measures["delay_at_most_by_route"].value
    assert most["cny-to-china"]["p95"] is most["cny-to-china"]["mean"] is None
    assert most["usd"]["p50"] == told["usd"]["p50"]
    ax, _, means = drawn("delay", results)
    assert f"≥ {duration(told['cny-to-china']['p95'])}" in {text.get_text() for text in ax.texts}
    assert duration(told["usd"]["p50"]) in {text.get_text() for text in ax.texts}
    assert f"≥ {told['cny-to-china']['mean']:.1f} h" in {text.get_text() for text in means.texts}
    rows = {line.strip()[:12].strip(): line.split() for line in summary(results).splitlines()}
    assert rows["CNY to China"][-2:] == ["≥", f"{told['cny-to-china']['value_weighted']:,.1f}"]
    assert rows["USD"][:4] == ["USD", str(told["usd"]["payments"]), f"{told['usd']['p50']:.1f}", "≥"]
    assert "(≥ at least: not all are credited)" in summary(results)
    # So are the hours of places and reasons, since what is under way may spend more anywhere.
    lines = [line.split() for line in summary(results).splitlines()]
    assert ["review", "≥"] in [line[:2] for line in lines]
    assert ["closed:", "weekend", "≥"] in [line[:3] for line in lines]
    _, places, _ = drawn("delay", results)
    _, *told_hours = [text.get_text() for text in places.texts]
    assert told_hours
    assert all(text.startswith("≥ ") for text in told_hours)


def test_lateness_is_told_with_its_reason(results: Results) -> None:
    told, unpaid = (results.measures[name].value["china"] for name in ("lateness", "unpaid_share"))
    # Everybody orders on the due date, so that what is not credited is not paid.
    assert unpaid == pytest.approx(1 - results.measures["settled_share"].value)
    sentence = (
        f"Late by a day or more: {percent(told['late_share'])} of obligations to China "
        f"(mean ≥ {told['mean_days']:.1f} d); payers order on the due date, so delay is lateness"
    )
    assert sentence in " ".join(summary(results).split())
    assert sentence in " ".join(
        " ".join(text.get_text() for text in drawn("delay", results)[0].texts).split()
    )


def test_lateness_is_told_of_payers_with_habits_and_of_what_is_never_ordered(tmp_path: Path) -> None:
    late = SMALL.replace(
        "banks: {minsk-a: 1}}", "banks: {minsk-a: 1}, pays: {late: {share: 1, days: [60, 60]}}}"
    )
    text = " ".join(summary(run(tmp_path, late)).split())
    assert "0 payments fell due" in text
    assert "Late by a day or more: 100.0 % of obligations to China (mean ≥ 8" in text
    assert "some payers order late, all others on the due date, so their delay is lateness" in text
    paid = summary(run(tmp_path, SMALL, "accounts.0.credit=900_000_000", "horizon=9d"))
    assert "d); payers order" in " ".join(paid.split())
    assert "≥" not in paid


@pytest.mark.parametrize("colours", [palette.CURRENCIES, palette.REASONS], ids=["currencies", "reasons"])
@pytest.mark.parametrize("blindness", BLINDNESS.values(), ids=BLINDNESS)
def test_colours_used_together_stay_apart(colours: dict[str, str], blindness: np.ndarray) -> None:
    # A distance of about 2.3 is just noticeable; 15 is plain even for thin lines.
    seen = [lab(blindness @ linear(colour)) for colour in colours.values()]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15


def linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB under D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(rgb, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_every_reason_has_a_colour() -> None:
    assert tuple(palette.REASONS) == tuple(REASONS)


def test_the_colour_of_a_currency_does_not_depend_on_its_company() -> None:
    assert palette.currency_colours(["CNY"])["CNY"] == palette.currency_colours(["KZT", "CNY", "AED"])["CNY"]


def test_the_summary_fits_in_eighty_columns(results: Results) -> None:
    for width in (80, 200):
        assert max(len(line.rstrip()) for line in summary(results, width).splitlines()) <= 80


def test_the_summary_shows_the_numbers_of_the_measures(results: Results) -> None:
    text = summary(results)
    measures = {name: measure.value for name, measure in results.measures.items()}
    assert f"{measures['payments']} payments fell due, worth {amount(measures['value'], 'USD')}" in text
    assert f"{measures['settled_share']:.1%}".replace("%", " %") in text
    rows = {line.strip()[:12].strip(): line.split() for line in text.splitlines()}
    profile = measures["delay_by_route"]["cny-to-china"]
    expected = [profile["payments"], *(profile[key] for key in ("p50", "p95", "mean", "value_weighted"))]
    told = [cell for cell in rows["CNY to China"][3:] if cell != "≥"]
    assert [float(cell) for cell in told] == pytest.approx(expected, abs=0.051)
    assert float(rows["liquidity"][2]) == pytest.approx(measures["delay_by_reason"]["liquidity"], abs=0.0051)
    peak = measures["net_open_position_peak"]["belarus"]["CNY"] / 1e3
    assert f"{peak:.1f}".replace("-", "−") in text
    spread = measures["fx_result"]["belarus"]["spread"] / 1e3
    assert f"{spread:.1f}".replace("-", "−") in text
    costs = measures["payment_cost_bps"]
    assert min(costs["fees"], costs["spread"]) > 0
    assert float(rows["fee, convert"][3]) == pytest.approx(costs["fees"], abs=0.051)
    assert float(rows["spread of fi"][4]) == pytest.approx(costs["spread"], abs=0.051)
    assert float(rows["total"][2]) == pytest.approx(costs["total"], abs=0.051)
    assert "minsk-a@nostro-cny" in text


def test_the_summary_counts_the_accounts_that_it_leaves_out(tmp_path: Path) -> None:
    more = "".join(
        f"  - {{holder: bank-{n}, system: nostro-cny, servicer: beijing-a, balance: 1}}\n" for n in range(6)
    )
    banks = "".join(f"  bank-{n}: {{hours: office}}\n" for n in range(6))
    text = SMALL.replace("routes:", f"{more}routes:", 1).replace("systems:", f"{banks}systems:", 1)
    assert "+3 more" in summary(run(tmp_path, text))


def test_an_empty_run_can_be_shown(empty: Results) -> None:
    assert "0 payments fell due" in summary(empty)
    assert len(rendered("exposure", empty)) == 1
    assert "no payments fell due" in {text.get_text() for text in rendered("delay", empty)[0].texts}


def test_a_period_without_payments_can_be_shown(tmp_path: Path) -> None:
    quiet = run(tmp_path, SMALL, "period.end=2024-03-04 01:00")
    assert "0 payments fell due" in summary(quiet)
    assert len(rendered("exposure", quiet)) == 3
    assert "no payments fell due" in {text.get_text() for text in rendered("delay", quiet)[0].texts}


def test_one_route_can_be_shown(tmp_path: Path) -> None:
    single = run(tmp_path, SMALL.replace("{CNY: 0.8, USD: 0.2}", "{CNY: 1}"))
    distribution, _, reasons = drawn("delay", single)
    assert len(distribution.get_yticklabels()) == 1
    assert all(len(bars) == 1 for bars in reasons.containers)
    assert "no obligations in foreign currency" in {t.get_text() for t in drawn("exposure", single)[1].texts}
    assert "CNY to China" in summary(single)


def test_saved_figures_are_the_same_bytes_and_none_stays_open(results: Results, tmp_path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415 - only this test changes settings
    from matplotlib import pyplot as plt  # noqa: PLC0415

    first = save_figures(results, tmp_path / "a")
    with mpl.rc_context({"font.size": 20, "figure.facecolor": "black", "savefig.dpi": 30}):
        second = save_figures(results, tmp_path / "b")
    assert [path.stem for path in first] == [name for name in NAMES if name not in ONLY_SOME]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert plt.get_fignums() == []


def test_importing_the_room_chooses_no_backend() -> None:
    code = "import sys, sim.show.figures, sim.show.save, sim.show.summary; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_library_is_listed_with_its_questions() -> None:
    console = Console(file=StringIO(), width=80)
    print_library([("baseline", "What do routes cost?")], console)
    assert console.file.getvalue().split("  ") == ["baseline", "What do routes cost?\n"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cny-to-china", "CNY to China"),
        ("rub", "RUB"),
        ("pvp-cny-rub", "PvP CNY RUB"),
        ("via_cips", "via CIPS"),
    ],
)
def test_names_are_spelt_as_words(name: str, words: str) -> None:
    assert spelt(name) == words


@pytest.mark.parametrize(
    ("hours", "words"), [(0.25, "15 min"), (7.34, "7.3 h"), (41.2, "41 h"), (72.0, "3.0 d"), (160.0, "6.7 d")]
)
def test_durations_have_a_unit_that_suits_them(hours: float, words: str) -> None:
    assert duration(hours) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(950, "BYN 950"), (44.5, "BYN 44.50"), (12_345.67, "BYN 12,346"), (1.2e6, "BYN 1.20 m"), (0.0, "BYN 0")],
)
def test_a_small_amount_is_told_to_the_minor_unit(value: float, words: str) -> None:
    assert amount(value, "BYN") == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0.0 %"), (0.0004, "<0.1 %"), (0.5, "50.0 %"), (0.9999, ">99.9 %"), (1, "100.0 %")],
)
def test_a_percentage_is_never_rounded_to_all_or_nothing(share: float, words: str) -> None:
    assert percent(share) == words
