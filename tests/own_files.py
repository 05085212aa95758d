"""A user's payments for tests, written as CSV or Parquet into the current folder, and what reading them says."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.core.clock import to_instant
from sim.errors import ScenarioError
from sim.world.own_payments import OwnPaymentsTable, Setting, read_payments

MINSK, BERLIN, ST_JOHNS = ZoneInfo("Europe/Minsk"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns")
BANKS = ("A", "B", "Central")
CURRENCIES = {"rtgs": "BYN", "yen": "JPY", "dinar": "BHD"}
SETTING = Setting(
    zone=MINSK,
    period_start=to_instant(datetime.fromisoformat("2024-03-04 09:00"), MINSK),
    end=to_instant(datetime.fromisoformat("2024-03-04 17:00"), MINSK),
    currencies_of_system={system: (currency,) for system, currency in CURRENCIES.items()},
    banks=BANKS,
    accounts={(bank, system) for bank in BANKS for system in CURRENCIES} - {("Central", "rtgs")},
    routes=("direct", "detour"),
    default_system="rtgs",
    systems_of_route={"direct": set(CURRENCIES), "detour": set(CURRENCIES)},
)
HEADER = "payment_id,instructed_at,payer_bank,payee_bank,amount"
GOOD = "P1,2024-03-04T09:10:00,A,B,12.34"


def table(text: str | bytes, setting: Setting = SETTING) -> OwnPaymentsTable:
    """What is read of a CSV file."""
    Path("payments.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return read_payments(Path("payments.csv"), setting)


def refusal(text: str | bytes, setting: Setting = SETTING) -> list[str]:
    """What is said about a CSV file, problem by problem, without its name."""
    with pytest.raises(ScenarioError) as caught:
        table(text, setting)
    return [str(problem).removeprefix("payments.csv:").strip() for problem in caught.value.problems]


def refusal_of_rows(*rows: str, more: str = "", setting: Setting = SETTING) -> list[str]:
    """What is said about rows under the usual header, and under columns beside it."""
    return refusal("\n".join([HEADER + more, *rows]), setting)


def parquet_table(columns: dict[str, Any], setting: Setting = SETTING) -> OwnPaymentsTable:
    """What is read of a Parquet file."""
    pq.write_table(pa.table(columns), "payments.parquet")
    return read_payments(Path("payments.parquet"), setting)


def parquet_refusal(columns: dict[str, Any], setting: Setting = SETTING) -> list[str]:
    """What is said about a Parquet file, problem by problem, without its name."""
    with pytest.raises(ScenarioError) as caught:
        parquet_table(columns, setting)
    return [str(problem).removeprefix("payments.parquet:").strip() for problem in caught.value.problems]


def typed(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - columns of any type
    """Two good payments as typed columns."""
    times = [datetime(2024, 3, 4, 9, 10), datetime(2024, 3, 4, 9, 20)]  # noqa: DTZ001 - local to the period
    return {
        "payment_id": ["P1", "P2"],
        "instructed_at": times,
        "payer_bank": ["A", "B"],
        "payee_bank": ["B", "A"],
        "amount": [Decimal("12.34"), Decimal("5.00")],
    } | changes


def same(one: OwnPaymentsTable, other: OwnPaymentsTable) -> bool:
    """Whether two tables hold the same values of the same types."""
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)]
    return all(
        a.equals(b) if isinstance(a, pa.Array) else np.array_equal(a, b) and a.dtype == b.dtype
        for a, b in pairs
    )


def local(text: str, zone: ZoneInfo = MINSK) -> int:
    """UTC seconds of a wall-clock time."""
    return to_instant(datetime.fromisoformat(text), zone)


def a_year(zone: ZoneInfo, year: int = 2010) -> Setting:
    """The usual setting over a whole year of a zone."""
    start, end = (local(f"{first}-01-01", zone) for first in (year, year + 1))
    return replace(SETTING, zone=zone, period_start=start, end=end)
