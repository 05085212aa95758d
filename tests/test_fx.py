"""Rates of a run: one table of mids, drawn or observed, and whole minor units out of it."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pydantic import ValidationError
from rates import YEAR, Declared, column, declare, observed, paths

from sim.core.clock import DAY
from sim.core.rates import FxPaths
from sim.world.own_rates import load_history

BRIDGES = {
    "RUB": {"volatility": 0.12},
    "BYN": {"volatility": 0.02, "follows": {"RUB": 0.6, "CNY": 0.1}},
}
HISTORY: Declared = {"kind": "history", "bridge": BRIDGES}
#: A currency that is known rarely, and two that others know daily.
SPARSE = observed(
    [
        *((day, "USD", "BYN", rate) for day, rate in [(date(2023, 12, 20), 3.2), (date(2024, 6, 27), 3.15)]),
        *((day, "USD", "BYN", rate) for day, rate in [(date(2024, 8, 21), 3.21), (date(2025, 1, 2), 3.3)]),
        *(
            (date.fromordinal(YEAR[0].toordinal() + k), "USD", code, rate * (1 + 0.001 * (k * k % 7)))
            for code, rate in (("CNY", 7.1), ("RUB", 90.0))
            for k in range(-20, 400)
        ),
    ]
)
LOGNORMAL: Declared = {
    "kind": "lognormal",
    "start": {"CNY": 7.25, "RUB": 90, "BYN": 3.2, "EUR": 0.92},
    "volatility": {"CNY": 0.04, "RUB": 0.15, "BYN": 0.09},
    "correlation": [
        {"pair": ["CNY", "RUB"], "value": 0.35},
        {"pair": ["BYN", "RUB"], "value": 0.75},
        {"pair": ["CNY", "BYN"], "value": 0.3},
    ],
}


def place(day: date) -> int:
    return (day - YEAR[0]).days


def refused(declared: Declared) -> str:
    with pytest.raises(ValidationError) as caught:
        declare(declared)
    return str(caught.value)


def constant(**rates: float) -> FxPaths:
    return paths(
        {"kind": "constant", "rates": rates}, tuple(rates), days=(date(2024, 1, 1), date(2024, 1, 3))
    )


# One table of mids


def test_the_mid_of_a_day_holds_from_local_midnight_to_the_next() -> None:
    run = paths(HISTORY)
    usd, cny = run.index("USD"), run.index("CNY")
    midnight = int(run.day_starts[1])
    assert midnight % DAY == 21 * 3_600  # Minsk is three hours ahead of UTC
    before, at, last = run.mid(usd, cny, np.array([midnight - 1, midnight, midnight + DAY - 1]))
    assert before == column(run, "CNY")[0]
    assert at == last == column(run, "CNY")[1]


def test_days_are_as_long_as_the_zone_makes_them() -> None:
    days = (date(2024, 3, 30), date(2024, 4, 1))
    run = paths({"kind": "constant", "rates": {"EUR": 0.9}}, ["EUR"], days, zone=ZoneInfo("Europe/Berlin"))
    assert np.diff(run.day_starts).tolist() == [DAY, DAY - 3_600]
    assert run.end - run.day_starts[-1] == DAY


def test_no_rate_is_extrapolated() -> None:
    run = paths(HISTORY)
    for stray in (run.day_starts[0] - 1, run.end):
        with pytest.raises(ValueError, match="outside of the days"):
            run.mid(0, 1, stray)
    assert run.mid(0, 1, run.end - 1) > 0


def test_a_detour_over_a_third_currency_gains_nothing() -> None:
    run = paths(HISTORY, ("BYN", "CNY", "EUR", "RUB"))
    rng = np.random.default_rng(0)
    a, b, c = rng.integers(0, len(run.currencies), (3, 1_000))
    at = rng.integers(run.day_starts[0], run.end, 1_000)
    assert run.mid(a, b, at) * run.mid(b, c, at) == pytest.approx(run.mid(a, c, at), rel=1e-14)
    assert np.all(run.mid(a, a, at) == 1.0)


def test_a_run_in_one_currency_needs_no_rates_and_two_do() -> None:
    run = paths(None, ["CNY"])
    assert run.currencies == ("CNY", "USD")
    assert run.convert(123, run.index("CNY"), run.index("CNY"), run.day_starts[0]) == 123
    with pytest.raises(ValueError, match="no rate"):
        run.convert(123, run.index("CNY"), run.index("USD"), run.day_starts[0])
    with pytest.raises(ValueError, match="declare them under 'fx'"):
        paths(None, ["CNY", "USD"])


def test_an_unknown_currency_has_no_column() -> None:
    with pytest.raises(ValueError, match="no rates of JPY; it has BYN, CNY, RUB, USD"):
        paths(HISTORY).index("JPY")


# Whole minor units


def test_conversion_rounds_halves_to_even() -> None:
    run = constant(CNY=8, BYN=4)
    cny, byn = run.index("CNY"), run.index("BYN")
    amounts = np.array([1, 3, 5, 7, -1, -3, 10, 0])
    converted = run.convert(amounts, cny, byn, run.day_starts[0])
    assert converted.dtype == np.int64
    assert converted.tolist() == [0, 2, 2, 4, 0, -2, 5, 0]


def test_conversion_minds_the_decimals_of_each_currency() -> None:
    run = constant(JPY=160, CNY=8, KWD=0.25)
    jpy, cny, kwd = (run.index(code) for code in ("JPY", "CNY", "KWD"))
    at = run.day_starts[0]
    assert run.convert(100_00, cny, jpy, at) == 2_000
    assert run.convert(2_000, jpy, cny, at) == 100_00
    assert run.convert(8_00, cny, kwd, at) == 250
    assert run.convert(640, jpy, kwd, at) == 1_000
    # Half a yen and one and a half: 2.5 and 7.5 fen.
    yen = constant(JPY=20, CNY=1)
    assert yen.convert(np.array([5, 15, 25]), yen.index("CNY"), yen.index("JPY"), at).tolist() == [1, 3, 5]
    ten = constant(JPY=10, CNY=1)
    assert ten.convert(np.array([5, 15, 25]), ten.index("CNY"), ten.index("JPY"), at).tolist() == [0, 2, 2]


def test_conversion_broadcasts_over_payments() -> None:
    run = paths(HISTORY)
    source = np.array([run.index("CNY"), run.index("RUB"), run.index("BYN")])
    at = run.day_starts[[0, 10, 20]] + 3_600
    amounts = np.array([1_000_000, 5_000_000, 42])
    together = run.convert(amounts, source, run.index("BYN"), at)
    one_by_one = [
        int(run.convert(a, s, run.index("BYN"), t)) for a, s, t in zip(amounts, source, at, strict=True)
    ]
    assert together.tolist() == one_by_one
    assert together[2] == 42


def test_the_factor_is_a_spread_and_spares_amounts_that_need_no_conversion() -> None:
    run = constant(CNY=8, BYN=4)
    cny, byn = run.index("CNY"), run.index("BYN")
    at = run.day_starts[0]
    assert run.convert(2_000_00, cny, byn, at, factor=1.01) == 1_010_00
    assert run.convert(2_000_00, cny, cny, at, factor=1.01) == 2_000_00


def test_amounts_that_floats_cannot_count_are_refused() -> None:
    run = constant(CNY=8, VND=25_000)
    cny, vnd = run.index("CNY"), run.index("VND")
    at = run.day_starts[0]
    assert run.convert(2**53 - 1, cny, cny, at) == 2**53 - 1
    for amount, source, target in [(2**53 + 1, vnd, cny), (2**52, cny, vnd)]:
        with pytest.raises(ValueError, match="exceeds"):
            run.convert(amount, source, target, at)


# History


def test_history_gives_back_every_observation_to_the_bit() -> None:
    run = paths(HISTORY, ("BYN", "CNY", "EUR", "HKD", "RUB"))
    for currency in ("BYN", "CNY", "EUR", "HKD", "RUB"):
        seen = load_history().observations(currency).within(*YEAR)
        places = (seen.days - np.datetime64(YEAR[0])).astype(int)
        assert np.array_equal(column(run, currency)[places], seen.per_usd)


def test_a_rate_without_a_bridge_is_held_until_its_next_observation() -> None:
    cny = column(paths(HISTORY), "CNY")
    saturday = place(date(2024, 3, 16))
    assert cny[saturday - 1] == cny[saturday] == cny[saturday + 1] != cny[saturday + 2]


def test_a_bridge_has_the_variance_of_theory() -> None:
    # From one observed rouble to the next: 21 August less 27 June 2024 is 55 days.
    first, last = date(2024, 6, 27), date(2024, 8, 21)
    declared = {"kind": "history", "bridge": {"BYN": {"volatility": 0.1}}}
    runs = [paths(declared, ["BYN"], (first, last), replication=r, history=SPARSE) for r in range(500)]
    logs = np.log([column(run, "BYN") for run in runs])
    assert np.ptp(logs[:, [0, -1]], axis=0).tolist() == [0.0, 0.0]
    for t in (5, 20, 27, 50):
        variance = 0.1**2 / 365.25 * t * (55 - t) / 55
        assert logs[:, t].var(ddof=1) == pytest.approx(variance, rel=4 * np.sqrt(2 / 499))
        straight = logs[0, 0] + t / 55 * (logs[0, -1] - logs[0, 0])
        assert logs[:, t].mean() == pytest.approx(straight, abs=4 * np.sqrt(variance / 500))


def test_a_bridged_rate_follows_what_it_is_told_to_follow() -> None:
    still = {"RUB": {"volatility": 0}, "BYN": {"volatility": 0, "follows": {"RUB": 0.6, "CNY": 0.1}}}
    run = paths({"kind": "history", "bridge": still}, history=SPARSE)
    gap = slice(place(date(2024, 6, 28)), place(date(2024, 8, 20)))
    byn, cny, rub = (np.log(column(run, code)[gap]) for code in ("BYN", "CNY", "RUB"))
    # What is left after following is the straight line that leads to the next observation.
    left = np.diff(byn - 0.6 * rub - 0.1 * cny)
    assert left == pytest.approx(np.full(len(left), left.mean()), abs=1e-12)


def test_what_is_followed_needs_no_place_in_the_run() -> None:
    alone, together = paths(HISTORY, ["BYN"], history=SPARSE), paths(HISTORY, history=SPARSE)
    assert np.array_equal(column(alone, "BYN"), column(together, "BYN"))
    assert alone.currencies == ("BYN", "USD")


def test_a_longer_history_run_keeps_the_rates_of_the_shorter() -> None:
    short = paths(HISTORY, days=(date(2024, 3, 1), date(2024, 7, 15)))
    long = paths(HISTORY, ("BYN", "CNY", "EUR", "RUB"))
    same = slice(place(date(2024, 3, 1)), place(date(2024, 7, 16)))
    for currency in short.currencies:
        assert np.array_equal(column(short, currency), column(long, currency)[same])


def test_a_run_may_take_its_rates_from_another_time() -> None:
    then = paths(HISTORY, days=(date(2024, 2, 1), date(2024, 2, 29)))
    days = (date(2030, 5, 1), date(2030, 5, 29))
    moved = paths({**HISTORY, "start": "2024-02-01"}, days=days)
    assert np.array_equal(moved.per_usd, then.per_usd)
    own = paths({**HISTORY, "start": "period"}, days=(date(2024, 2, 1), date(2024, 2, 29)))
    assert np.array_equal(own.per_usd, then.per_usd)


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ((date(2016, 1, 1), date(2016, 12, 31)), "knows BYN from 2016-07-01 to 2026-09-04"),
        ((date(2026, 6, 1), date(2026, 9, 5)), "takes its rates from 2026-06-01 to 2026-09-05"),
    ],
)
def test_days_that_history_does_not_cover_are_refused(days: tuple[date, date], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paths(HISTORY, days=days)


def test_long_gaps_ask_for_a_bridge() -> None:
    with pytest.raises(
        ValueError, match=r"BYN is not observed between 2023-12-20 and 2024-06-27 \(190 days\)"
    ):
        paths({"kind": "history"}, history=SPARSE)
    assert paths({"kind": "history"}, ["CNY", "RUB"], history=SPARSE).per_usd.shape == (366, 3)
    with pytest.raises(ValueError, match=r"KZT is not observed between .* state under 'bridge'"):
        paths({"kind": "history"}, ["KZT"])
    assert paths({"kind": "history"}, ["BYN", "CNY", "EUR", "HKD", "INR", "RUB"]).per_usd.shape == (366, 7)


def test_history_has_only_the_currencies_it_has() -> None:
    for currencies, bridge in [(["JPY"], {}), (["CNY"], {"JPY": {"volatility": 0.1}})]:
        with pytest.raises(ValueError, match="no JPY"):
            paths({"kind": "history", "bridge": bridge}, currencies)


# Lognormal


def test_lognormal_rates_have_the_moments_declared() -> None:
    runs = [paths(LOGNORMAL, replication=r) for r in range(40)]
    moves = np.concatenate([np.diff(np.log(run.per_usd[:, :3]), axis=0) for run in runs])
    n = len(moves)
    for k, (currency, sigma) in enumerate({"BYN": 0.09, "CNY": 0.04, "RUB": 0.15}.items()):
        assert runs[0].currencies[k] == currency
        assert moves[:, k].std() * np.sqrt(365.25) == pytest.approx(sigma, rel=4 / np.sqrt(2 * n))
    found = np.corrcoef(moves.T)
    for (i, j), rho in {(1, 2): 0.35, (0, 2): 0.75, (0, 1): 0.3}.items():
        assert found[i, j] == pytest.approx(rho, abs=4 * (1 - rho**2) / np.sqrt(n))


def test_a_dollar_costs_on_average_what_it_cost_on_the_first_day() -> None:
    runs = np.array([paths(LOGNORMAL, replication=r).per_usd[[0, -1], :3] for r in range(500)])
    assert np.all(runs[:, 0] == [3.2, 7.25, 90])
    ends = runs[:, 1] / runs[:, 0]
    error = ends.std(axis=0, ddof=1) / np.sqrt(len(ends))
    assert np.all(np.abs(ends.mean(axis=0) - 1) < 4 * error)


def test_a_currency_added_at_the_end_moves_no_other() -> None:
    more = {**LOGNORMAL, "volatility": {**LOGNORMAL["volatility"], "EUR": 0.07}}
    few, many = paths(LOGNORMAL), paths(more, ("BYN", "CNY", "EUR", "RUB"))
    for currency in few.currencies:
        assert np.array_equal(column(few, currency), column(many, currency))


def test_the_currencies_of_the_run_move_no_estimated_path() -> None:
    declared = {"kind": "lognormal", "window": {"first": "2022-12-01", "last": "2025-12-31"}}
    few, many = paths(declared, ["RUB"]), paths(declared, ("BYN", "CNY", "EUR", "HKD", "RUB"))
    assert np.array_equal(column(few, "RUB"), column(many, "RUB"))
    assert (
        column(few, "RUB")[0]
        == load_history().observations("RUB").within(date(2023, 12, 1), YEAR[0]).per_usd[-1]
    )


def test_a_date_meets_the_same_shocks_wherever_the_run_starts() -> None:
    early = paths(LOGNORMAL)
    late = paths(LOGNORMAL, days=(date(2024, 2, 1), date(2025, 1, 31)))
    shared = place(YEAR[1]) - place(date(2024, 2, 1)) + 1
    for currency in ("BYN", "CNY", "RUB"):
        one = np.diff(np.log(column(early, currency)))[-(shared - 1) :]
        other = np.diff(np.log(column(late, currency)))[: shared - 1]
        assert one == pytest.approx(other, abs=1e-12)


def test_perfectly_correlated_currencies_move_as_one() -> None:
    declared = {
        "kind": "lognormal",
        "start": {"CNY": 7, "HKD": 7.8},
        "volatility": {"CNY": 0.1, "HKD": 0.1},
        "correlation": [{"pair": ["HKD", "CNY"], "value": 1}],
    }
    run = paths(declared, ["CNY", "HKD"])
    cross = run.mid(run.index("CNY"), run.index("HKD"), run.day_starts)
    assert cross == pytest.approx(np.full(366, 7.8 / 7), rel=1e-9)


def test_seeds_and_replications_differ_and_repeat() -> None:
    for declared in (HISTORY, LOGNORMAL):
        same, again = (paths(declared, history=SPARSE) for _ in range(2))
        assert np.array_equal(same.per_usd, again.per_usd)
        assert not np.array_equal(same.per_usd, paths(declared, seed=2, history=SPARSE).per_usd)
        assert not np.array_equal(same.per_usd, paths(declared, replication=1, history=SPARSE).per_usd)


@pytest.mark.parametrize(
    ("declared", "currencies", "message"),
    [
        ({"kind": "constant", "rates": {"CNY": 7}}, ["BYN"], "no rate of BYN is declared"),
        (LOGNORMAL, ["HKD"], "no volatility of HKD"),
        ({**LOGNORMAL, "start": {"CNY": 7}}, ["RUB"], "no rate of RUB is declared"),
    ],
)
def test_a_currency_without_a_declaration_is_refused(
    declared: Declared, currencies: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        paths(declared, currencies)


def test_volatilities_are_not_estimated_in_a_window_that_history_does_not_reach() -> None:
    declared = {"kind": "lognormal", "window": {"first": "2001-01-01", "last": "2005-01-01"}}
    with pytest.raises(
        ValueError, match="shipped history shows no currency moving from 2001-01-01 to 2005-01-01"
    ):
        paths(declared, ["CNY"])


def test_lognormal_rates_do_not_start_before_history_does() -> None:
    declared = {"kind": "lognormal", "volatility": {"CNY": 0.04}}
    with pytest.raises(ValueError, match="history knows CNY from 2016-01-04 on"):
        paths(declared, ["CNY"], (date(2015, 1, 1), date(2015, 2, 1)))
    with pytest.raises(ValueError, match="from 1970-01-01 on"):
        paths(LOGNORMAL, ["CNY"], (date(1960, 1, 1), date(1960, 2, 1)))


# Declarations


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"kind": "constant", "rates": {"CNY": 0}}, "greater than 0"),
        ({"kind": "constant", "rates": {"USD": 1}}, "USD is the unit"),
        ({"kind": "constant", "rates": {"CNJ": 7}}, "not an ISO 4217"),
        ({"kind": "constant", "rates": {"CNY": 7}, "drift": 1}, "Extra inputs"),
        ({"kind": "random", "rates": {}}, "does not match any of the expected tags"),
        ({"kind": "history", "start": "2024-13-01"}, "does not exist"),
        ({"kind": "history", "start": "periods"}, "'period'"),
        ({**LOGNORMAL, "start": "2024-13-01"}, "does not exist"),
        ({**LOGNORMAL, "start": {"date": "2024-01-01", "rates": {"USD": 1}}}, "USD is the unit"),
        ({**LOGNORMAL, "start": {"rates": {"CNY": 7}}}, "Field required"),
        ({"kind": "history", "bridge": {"BYN": {"volatility": -1}}}, "greater than or equal to 0"),
        ({"kind": "history", "bridge": {"BYN": {}}}, "Field required"),
        (
            {
                "kind": "history",
                "bridge": {
                    "BYN": {"volatility": 0, "follows": {"RUB": 1}},
                    "RUB": {"volatility": 0, "follows": {"BYN": 1}},
                },
            },
            "follow each other in a circle: BYN, RUB",
        ),
        ({"kind": "lognormal"}, "either 'window' or 'volatility'"),
        ({**LOGNORMAL, "window": {"first": "2024-01-01", "last": "2024-12-31"}}, "either 'window'"),
        ({"kind": "lognormal", "window": {"first": "2024-02-01", "last": "2024-01-01"}}, "ends before"),
        (
            {
                "kind": "lognormal",
                "window": {"first": "2024-01-01", "last": "2024-12-31"},
                "correlation": [{"pair": ["CNY", "RUB"], "value": 0}],
            },
            "correlations need 'volatility'",
        ),
        ({**LOGNORMAL, "correlation": [{"pair": ["CNY", "EUR"], "value": 0}]}, "EUR has no volatility"),
        ({**LOGNORMAL, "correlation": [{"pair": ["CNY", "RUB"], "value": 1.1}]}, "less than or equal to 1"),
        ({**LOGNORMAL, "correlation": [{"pair": ["CNY", "CNY"], "value": 1}]}, "with itself"),
        ({**LOGNORMAL, "correlation": [{"pair": ["CNY", "RUB"], "value": 0}] * 2}, "stated twice"),
    ],
)
def test_nonsense_is_refused(declared: Declared, message: str) -> None:
    assert message in refused(declared)


def test_correlations_that_cannot_hold_together_are_refused_with_their_smallest_eigenvalue() -> None:
    impossible = [("CNY", "RUB", 0.9), ("RUB", "BYN", 0.9), ("CNY", "BYN", -0.9)]
    declared = {
        **LOGNORMAL,
        "correlation": [{"pair": [one, other], "value": value} for one, other, value in impossible],
    }
    assert "the smallest eigenvalue of their matrix is -0.8" in refused(declared)


def test_paths_can_be_written_down_by_hand() -> None:
    run = FxPaths(("CNY", "USD"), np.array([0, DAY]), np.array([[7.0, 1.0], [7.5, 1.0]]), 2 * DAY)
    assert run.mid(1, 0, np.array([0, DAY - 1, DAY])).tolist() == [7.0, 7.0, 7.5]
