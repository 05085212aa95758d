"""Rates of one's own stand in a file: read exactly, refused with every row that cannot be, and kept with the run."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.cli import cli
from sim.errors import ScenarioError
from sim.results.risk import historical_losses, lognormal_losses
from sim.world.build import prepare
from sim.world.own_rates import read_rates

HEAD = "date,base,quote,unit,rate"


def write(folder: Path, *lines: str, name: str = "rates.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return path


def told(path: Path, **more: int) -> list[str]:
    """What is said of a file, without its name."""
    with pytest.raises(ScenarioError) as caught:
        read_rates(path, **more)
    return [str(problem).removeprefix(f"{path}").removeprefix(":") for problem in caught.value.problems]


# Reading


def test_a_pair_may_be_quoted_in_either_direction_and_per_any_unit(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEAD,
        "2024-12-31,USD,BYN,1,3.4735",
        "2024-12-31,RUB,BYN,100,3.3488",
        "2024-12-31,BYN,CNY,1,2.0618556701030928",
        "2024-12-30,CNY,BYN,10,4.7480",
        "2024-12-30,BYN,USD,1,0.2881",
    )
    seen = read_rates(path)
    assert seen.unit == "USD"
    assert seen.observations("BYN").per_usd.tolist() == [1 / 0.2881, 3.4735]
    assert seen.observations("RUB").per_usd.tolist() == [3.4735 / float(Decimal("3.3488") / 100)]
    assert seen.observations("CNY").per_usd.tolist() == [1 / 0.2881 / 0.4748, 3.4735 * 2.0618556701030928]


def test_a_currency_alone_is_quoted_per_dollar_and_dates_may_stand_in_any_order(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "rate,source,date,currency",
        "7.2,a,2024-01-03,CNY",
        "7.1,b,2024-01-02,CNY",
        "90,c,2024-01-02,RUB",
    )
    seen = read_rates(path)
    assert seen.observations("CNY").per_usd.tolist() == [7.1, 7.2]
    assert seen.observations("RUB").days.tolist() == [date(2024, 1, 2)]


def test_what_a_file_keeps_of_itself_reads_back_equal(tmp_path: Path) -> None:
    lines = ["2024-01-02,KZT,CNY,1000,15.1", "2024-01-03,CNY,KZT,1,66.3", "2024-01-02,RUB,KZT,1,5.07"]
    seen = read_rates(write(tmp_path, HEAD, *lines))
    again = read_rates(write(tmp_path, seen.quotes.as_csv(), name="again.csv"))
    assert again.unit == seen.unit == "KZT"
    assert np.array_equal(again.values, seen.values, equal_nan=True)
    assert again.quotes.as_csv() == seen.quotes.as_csv()


# What is wrong


def test_everything_wrong_is_told_at_once_with_line_and_column(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEAD,
        "2024-01-02,USD,CNJ,1,7.1",
        "2024-02-30,USD,CNY,1,7.1",
        "2.1.2024,USD,CNY,1,7.1",
        "2024-01-02,USD,CNY,1,-7.1",
        '2024-01-02,USD,RUB,1,"90,5"',
        "2024-01-02,USD,EUR,0,0.9",
        "2024-01-02,USD,USD,1,1",
        "2024-01-02,USD,KZT,1,nan",
        "2024-01-02,USD",
        "2024-01-03,,EUR,1,0.9",
        "2024-01-03,USD,EUR,1,1e90",
    )
    assert told(path) == [
        "2: quote: 'CNJ' is not an ISO 4217 currency code; did you mean 'CNY'?",
        "3: date: '2024-02-30' is a day that does not exist",
        "4: date: '2.1.2024' is not a date such as 2024-03-04",
        "5: rate: a rate is more than zero, not '-7.1'",
        "6: rate: '90,5' is not a number such as 3.4735; decimals follow a point, and thousands are not set apart",
        "7: unit: a unit is more than zero, not '0'",
        "8: quote: a rate is of two currencies; 'USD' stands here twice",
        "9: rate: 'nan' is not a number such as 3.4735",
        "10: too few fields: 2, but 5 columns",
        "11: base: '' is not an ISO 4217 currency code",
        "12: rate: '1e90' is no price of money",
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "the file is empty; it begins with a line of column names"),
        ([HEAD], "there are no rates in it"),
        (["date,base,rate", "2024-01-02,USD,7"], "1: this column is missing: 'quote', or else 'currency'"),
        (
            ["date,rate", "2024-01-02,7"],
            "1: these columns are missing: 'base' and 'quote', or else 'currency'",
        ),
        (
            ["date,currency,base,rate", "2024-01-02,CNY,USD,7"],
            "1: currency: state either 'currency' (per USD)",
        ),
        (["day,currency,rate", "2024-01-02,CNY,7"], "1: date: this column is missing"),
        (["date,currency,rates", "2024-01-02,CNY,7"], "1: rates: unknown column; did you mean 'rate'?"),
        (["date,currency,rate,rate", "2024-01-02,CNY,7,7"], "1: rate: this column stands here twice"),
        (
            ["date;currency;rate", "2024-01-02;CNY;7"],
            "1: the columns are separated by semicolons; use commas",
        ),
        (['{"USD": 1}'], "this is JSON; rates stand in CSV"),
        (
            ["date,base,quote,rate", "2024-01-02,USD,CNY,7", "2024-01-02,BYN,KZT,140"],
            "no pair connects BYN, KZT with CNY, USD",
        ),
    ],
)
def test_a_file_that_is_no_table_of_rates_is_refused(lines: list[str], message: str, tmp_path: Path) -> None:
    assert any(message in line for line in told(write(tmp_path, *lines)))


def test_text_in_another_encoding_is_told_where_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_bytes("date,currency,rate,source\n2024-01-02,CNY,7,Нацбанк\n".encode("cp1251"))
    assert "2: byte 44 of the file (0xcd) is not UTF-8" in told(path)[0]
    path.write_bytes(b"PAR1" + bytes(100))
    assert told(path) == [" this is a Parquet file; save the rates as CSV"]


def test_a_file_larger_than_may_be_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "date,currency,rate", *(f"2024-01-02,CNY,{7 + k / 1000}" for k in range(100)))
    assert "--max-input allows" in told(path, max_input=1_000)[0]


def test_a_pair_that_two_rows_state_otherwise_is_told(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "date,base,quote,rate",
        "2024-01-02,USD,CNY,7.1",
        "2024-01-02,USD,CNY,7.10001",
        "2024-01-02,CNY,USD,0.140845",
        "2024-01-02,CNY,USD,0.143",
        "2024-01-03,USD,CNY,7.1",
        "2024-01-03,USD,CNY,7.1",
    )
    assert told(path) == [
        "3: rate: 7.10001 CNY per USD on 2024-01-02, but another row of this pair and day says 7.1",
        "5: rate: 0.143 USD per CNY on 2024-01-02, but another row of this pair and day says 0.140845",
    ]


def test_crosses_agree_to_half_a_per_cent(tmp_path: Path) -> None:
    fine = ["2024-01-02,USD,BYN,3.2", "2024-01-02,USD,RUB,90", "2024-01-02,BYN,RUB,28.25"]
    seen = read_rates(write(tmp_path, "date,base,quote,rate", *fine))
    assert seen.observations("RUB").per_usd.tolist() == [90.0]
    apart = [*fine[:2], "2024-01-02,BYN,RUB,28.4"]
    assert told(write(tmp_path, "date,base,quote,rate", *apart)) == [
        "4: rate: 28.4 RUB per BYN on 2024-01-02, but the crosses of that day say 28.125, more than 0.5% apart"
    ]


# In a run

STEPPE = """
name: steppe
reporting_currency: CNY
period: {start: 2024-01-01 00:00, end: 2025-01-01 00:00, zone: Asia/Almaty}
run_in: 60d
horizon: 30d
systems:
  cips: {kind: rtgs, currency: CNY, hours: always}
sides:
  steppe: {functional_currency: KZT, hours: always, markets: [exchange]}
  china: {functional_currency: CNY, hours: always}
markets:
  exchange: {hours: always, pairs: {CNY/KZT: {spread_bps: 40}}}
banks:
  almaty: {side: steppe, hours: always}
  urumqi: {side: china, hours: always}
accounts:
  cips:
    - {holder: almaty, balance: 900_000_000}
    - {holder: urumqi, balance: 100_000_000}
firms:
  buyers: {side: steppe, count: 20, cities: {Almaty: 1}, banks: {almaty: 1}, hedge: {ratio: 0.5, spread_bps: 20}}
  makers: {side: china, count: 20, cities: {Urumqi: 1}, banks: {urumqi: 1}}
flows:
  goods:
    payer: buyers
    payee: makers
    value: 200_000_000
    currency: CNY
    invoice: {kind: fixed, value: 400_000}
    invoicing: {CNY: 1}
    terms: {open: {share: 1, days: [20, 60]}}
routes:
  direct:
    steps: [{kind: convert}, {kind: settle, system: cips}, {kind: post, work: {kind: fixed, value: 0}}]
interest_rates: {CNY: 0.02, KZT: 0.14}
risk: {window: {first: 2022-01-04, last: 2023-12-29}, horizons_days: [10], levels: [0.99]}
fx: {kind: history, file: rates.csv}
"""


def steppe(folder: Path) -> pd.Series[float]:
    """The scenario, and a file of KZT per CNY on weekdays of 2022 to January 2025, some of them the other way round."""
    days = [date(2022, 1, 3) + timedelta(days=k) for k in range(1_130)]
    days = [day for day in days if day.weekday() < 5]
    moves = np.random.default_rng(5).normal(0, 0.007, len(days))
    rates = pd.Series(np.round(66 * np.exp(np.cumsum(moves)), 4), pd.DatetimeIndex(days))
    lines = [
        f"{day:%Y-%m-%d},CNY,KZT,1,{rate}" if number % 3 else f"{day:%Y-%m-%d},KZT,CNY,1000,{1000 / rate:.9f}"
        for number, (day, rate) in enumerate(rates.items())
    ]
    write(folder, HEAD, *lines)
    (folder / "steppe.yaml").write_text(STEPPE, "utf-8")
    return rates


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[sim.Results, Path, pd.Series[float]]:
    """A year of it, saved, and the rates as somebody else knows them; the file of rates is gone."""
    folder = tmp_path_factory.mktemp("steppe")
    rates = steppe(folder)
    results = sim.run(folder / "steppe.yaml", output=folder / "run")
    (folder / "rates.csv").unlink()
    return results, folder, rates


def test_a_year_runs_on_a_file_that_knows_no_dollar(year: tuple[sim.Results, Path, pd.Series[float]]) -> None:
    results, _, rates = year
    assert [*results.fx["currency"].cat.categories] == ["CNY", "KZT"]
    wide = results.fx.pivot_table(index="valid_from", columns="currency", values="per_usd", observed=True)
    cross = (wide["KZT"] / wide["CNY"]).tz_convert("Asia/Almaty")
    cross.index = cross.index.tz_localize(None)
    held = rates.reindex(pd.date_range(rates.index[0], rates.index[-1])).ffill()
    assert cross.to_numpy() == pytest.approx(held.reindex(cross.index).to_numpy(), rel=1e-7)
    assert len(results.hedges) > 300
    assert not results.fx["per_usd"].isna().any()


def test_an_outsider_finds_the_same_value_at_risk(year: tuple[sim.Results, Path, pd.Series[float]]) -> None:
    results, _, rates = year
    seen = np.log(rates["2022-01-04":"2023-12-29"])  # type: ignore[misc]
    moves, days = np.diff(seen), np.diff(seen.index).astype("timedelta64[D]").astype(float)
    sigma = float(np.sqrt((moves**2).sum() / days.sum() * 365.25))
    rows = results.exposure[results.exposure["currency"] == "CNY"]
    at, position = rows["at"].to_numpy(), rows["net_open_position"].to_numpy() / 100
    losses = (
        results.losses[results.losses["currency"] == "CNY"].set_index(["method", "at"])["value_at_risk"] / 100
    )
    expected = lognormal_losses(position, sigma, 10 / 365.25, 0.99).value_at_risk
    assert losses["parametric"].loc[at].to_numpy() == pytest.approx(expected, abs=0.05, rel=1e-6)
    changes = np.expm1(moves * np.sqrt(10 / days))
    expected = historical_losses(np.outer(position, changes), 0.99).value_at_risk
    assert losses["historical"].loc[at].to_numpy() == pytest.approx(expected, abs=0.05, rel=1e-6)


def test_a_saved_run_needs_no_other_file(year: tuple[sim.Results, Path, pd.Series[float]]) -> None:
    results, folder, _ = year
    reopened = sim.open(folder / "run")
    (folder / "run" / "losses.parquet").unlink()
    assert reopened.losses.equals(results.losses)
    again = sim.run(folder / "run" / "scenario.yaml", output=folder / "again")
    assert again.manifest["tables"] == results.manifest["tables"]
    assert again.manifest["scenario_sha256"] == results.manifest["scenario_sha256"]
    assert again.manifest["rates_file"]["sha256"] == results.manifest["rates_file"]["sha256"]


def test_a_run_of_other_rates_is_one_of_another_text(tmp_path: Path) -> None:
    steppe(tmp_path)
    short = ("period.end=2024-01-08", "run_in=0d", "horizon=1d")
    sim.run(sim.load(tmp_path / "steppe.yaml", short), output=tmp_path / "run")
    sim.run(sim.load(tmp_path / "steppe.yaml", short), output=tmp_path / "run")
    text = (tmp_path / "rates.csv").read_text("utf-8")
    (tmp_path / "rates.csv").write_text(text.replace(",CNY,KZT,1,6", ",CNY,KZT,1,7"), "utf-8")
    with pytest.raises(sim.ResultsError, match="holds a run of another text"):
        sim.run(sim.load(tmp_path / "steppe.yaml", short), output=tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ["period.end=2026-01-01"],
            "rates.csv knows KZT from 2022-01-03 to 2025-02-05, but the run takes its rates",
        ),
        (
            ["reporting_currency=USD"],
            "rates.csv has no USD; it has CNY, KZT. Give rates of USD against one of these in",
        ),
        (["fx.file=rate.csv"], "there is no file 'rate.csv'; did you mean 'rates.csv'?"),
        (["fx.start=2021-12-01"], "rates.csv knows KZT from 2022-01-03"),
    ],
)
def test_what_the_file_lacks_is_told_with_the_way_out(
    change: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steppe(tmp_path)
    monkeypatch.chdir(tmp_path)
    options = [part for one in change for part in ("--set", one)]
    found = CliRunner().invoke(cli, ["validate", "steppe.yaml", *options])
    assert found.exit_code == 2
    assert message in " ".join(found.stderr.split())
    assert "Traceback" not in found.stderr


def test_drawn_rates_may_start_from_a_file_and_be_estimated_from_it(tmp_path: Path) -> None:
    steppe(tmp_path)
    window = "window: {first: 2022-01-04, last: 2023-12-29}"
    for model in (
        f"{{kind: lognormal, file: rates.csv, {window}}}",
        f"{{kind: bootstrap, file: rates.csv, {window}}}",
    ):
        text = STEPPE.replace("{kind: history, file: rates.csv}", model)
        (tmp_path / "steppe.yaml").write_text(text, "utf-8")
        short = ("period.end=2024-01-08", "run_in=0d", "horizon=1d")
        results = sim.run(sim.load(tmp_path / "steppe.yaml", short))
        assert [*results.fx["currency"].cat.categories] == ["CNY", "KZT"]
        assert results.fx.groupby("currency", observed=True)["per_usd"].nunique()["KZT"] > 20


def test_the_unit_of_a_file_without_a_dollar_does_not_move(tmp_path: Path) -> None:
    steppe(tmp_path)
    jumps = (
        "{kind: jump, jumps: [{currency: CNY, intensity: 1, size: {kind: fixed, value: 0.1}}], base: BASE}"
    )
    for model in (jumps, "{kind: band, currency: CNY, width: 0.02, base: BASE}"):
        text = STEPPE.replace("{kind: history, file: rates.csv}", model).replace(
            "BASE", "{kind: history, file: rates.csv}"
        )
        (tmp_path / "steppe.yaml").write_text(text, "utf-8")
        with pytest.raises(ScenarioError, match=r"CNY is the unit in which rates\.csv has the others"):
            prepare(sim.load(tmp_path / "steppe.yaml"))


def test_a_wrong_file_is_told_by_the_command_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steppe(tmp_path)
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "date,currency,rate", "2024-01-02,CNY,seven", "2024-01-02,CNJ,7")
    for command in (
        ["run", "steppe.yaml", "-o", "out"],
        ["validate", "steppe.yaml"],
        ["calibrate", "--data", "rates.csv"],
    ):
        found = CliRunner().invoke(cli, command)
        assert found.exit_code == 2
        assert "rates.csv:2: rate: 'seven' is not a number" in found.stderr
        assert "rates.csv:3: currency: 'CNJ' is not an ISO 4217" in found.stderr
        assert "Traceback" not in found.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"rates.csv", "steppe.yaml"}
