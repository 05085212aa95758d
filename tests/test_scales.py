"""Between two ends there are other values of their kind, each as likely as any other."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sim.core.scales import Value, between, factor_at, rounded, times

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("low", "high", "middle"),
    [
        ("0d", "2d", "1d"),
        (0, "2d", "1d"),
        ("10:00", "12:00", "11:00"),
        ("2024-01-01", "2024-01-03", "2024-01-02"),
        ("09:00-10:00", "09:00-12:00", "09:00-11:00"),
        ("T-1 20:30-17:15", "T-1 21:30-17:15", "T-1 21:00-17:15"),
        ("17:00-08:00", "19:00-06:00", "18:00-T+1 07:00"),
        ("18:00-24:00", "20:00-24:00", "19:00-24:00"),
        (Decimal("0.1"), Decimal("0.3"), Decimal("0.2")),
    ],
)
def test_the_middle_of_a_range_lies_between_its_ends(low: Value, high: Value, middle: Value) -> None:
    assert between(low, high, 0.5, whole=False) == middle
    if low:
        assert between(low, high, 0.0, whole=False) == low
    assert between(low, high, 1.0, whole=False) == high


def test_each_whole_number_is_as_likely_as_any_other() -> None:
    drawn = [between(10, 13, (k + 0.5) / 400, whole=True) for k in range(400)]
    assert [drawn.count(number) for number in (10, 11, 12, 13)] == [100] * 4


def test_half_is_as_likely_as_twice() -> None:
    low, high = Decimal("0.5"), Decimal(2)
    drawn = [factor_at(low, high, (k + 0.5) / 1_000) for k in range(1_000)]
    assert sum(factor < 1 for factor in drawn) == 500
    assert factor_at(low, high, 0) == low
    assert factor_at(low, high, 1) == high


def test_a_factor_is_of_numbers_and_durations() -> None:
    assert times(Decimal("0.003"), Decimal("1.5"), whole=False) == Decimal("0.0045")
    assert times(7, Decimal("1.5"), whole=True) == 10
    assert times("2h", Decimal("1.5"), whole=False) == "3h"
    with pytest.raises(ValueError, match="a time of day"):
        times("10:30", Decimal(2), whole=False)


def test_drawn_numbers_can_be_money() -> None:
    told = [
        str(rounded(Decimal(text), whole=False)) for text in ("23.4567", "2.34567", "0.0234567", "4321987.5")
    ]
    assert told == ["23.46", "2.35", "0.02346", "4322000"]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("20.001", "20.004"),
        ("0.123456", "0.123466"),
        ("4450100000", "4450400000"),
        ("10", "100"),
        ("-2", "3"),
    ],
)
def test_drawn_numbers_lie_between_the_ends_however_close_these_are(low: str, high: str) -> None:
    ends = Decimal(low), Decimal(high)
    drawn = [between(*ends, (k + 0.5) / 40, whole=False) for k in range(40)]
    assert all(ends[0] <= one <= ends[1] for one in map(Decimal, drawn))
    assert drawn == sorted(drawn)
    assert len({*drawn}) >= 4


def test_factors_lie_between_their_ends_however_close_these_are() -> None:
    low, high = Decimal("1.001"), Decimal("1.004")
    drawn = {factor_at(low, high, (k + 0.5) / 40) for k in range(40)}
    assert drawn <= {Decimal(text) for text in ("1.001", "1.002", "1.003", "1.004")}
    assert len(drawn) == 4
