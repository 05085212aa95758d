"""How fast a year of a user's own payments is read: a million rows, clean, and with the last one wrong."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from sim.core.clock import DAY, to_instant
from sim.errors import ScenarioError
from sim.world.own_payments import Setting, read_payments

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

targeted = pytest.mark.benchmark(group="targeted")

MANY = 1_000_000
BANKS = [f"BANK{number:02}" for number in range(40)]
START = to_instant(datetime.fromisoformat("2024-01-01"), ZoneInfo("Europe/Minsk"))
SETTING = Setting(
    zone=ZoneInfo("Europe/Minsk"),
    period_start=START,
    end=START + 366 * DAY,
    currencies_of_system={"rtgs": ("BYN",)},
    banks=BANKS,
    accounts={(bank, "rtgs") for bank in BANKS},
    default_system="rtgs",
)
#: What a mistake in the last row is replaced by.
LAST = ("2024-12-31 23:59:59", "2024-12-31 25:59:59")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same payments as a file of each kind, and one with a mistake at its end."""
    folder = tmp_path_factory.mktemp("own")
    random = np.random.default_rng(1)
    local = np.sort(random.integers(0, 366 * DAY, MANY)) + np.datetime64("2024-01-01", "s")
    local[-1] = np.datetime64(LAST[0], "s")
    payer = random.integers(0, len(BANKS), MANY)
    payee = (payer + random.integers(1, len(BANKS), MANY)) % len(BANKS)
    minor = pa.array(random.integers(1, 10**9, MANY))
    amount = pc.multiply(minor.cast(pa.decimal128(19)), pa.scalar("0.01").cast(pa.decimal128(2, 2)))
    payments = pa.table(
        {
            "payment_id": pa.array([f"P{number:07}" for number in range(MANY)]),
            "instructed_at": pa.array(local),
            "payer_bank": pa.array(BANKS).take(pa.array(payer)),
            "payee_bank": pa.array(BANKS).take(pa.array(payee)),
            "amount": amount,
            "priority": pa.array(random.integers(0, 3, MANY)),
        }
    )
    pq.write_table(payments, folder / "typed.parquet")
    pa_csv.write_csv(payments, folder / "quoted.csv")
    pa_csv.write_csv(payments, folder / "rows.csv", pa_csv.WriteOptions(include_header=False))
    rows = (folder / "rows.csv").read_text("utf-8").replace('"', "")
    plain = f"{','.join(payments.column_names)}\n{rows}"
    (folder / "plain.csv").write_text(plain, "utf-8")
    (folder / "wrong.csv").write_text(plain.replace(*LAST), "utf-8")
    return folder


@targeted
@pytest.mark.parametrize("name", ["plain.csv", "quoted.csv", "typed.parquet"])
def test_a_million_own_payments(benchmark: BenchmarkFixture, folder: Path, name: str) -> None:
    read = partial(read_payments, folder / name, SETTING)
    found = benchmark.pedantic(read, rounds=3, warmup_rounds=1)
    assert len(found) == MANY


def problems(path: Path) -> list[str]:
    try:
        read_payments(path, SETTING)
    except ScenarioError as error:
        return [str(problem) for problem in error.problems]
    return []


@targeted
def test_a_mistake_in_the_last_of_a_million_rows(benchmark: BenchmarkFixture, folder: Path) -> None:
    (told,) = benchmark.pedantic(partial(problems, folder / "wrong.csv"), rounds=2)
    assert f"wrong.csv:{MANY + 1}: instructed_at" in told
