"""A delay lies between what has passed by the end of a run and what it would be if nothing more was ever credited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from towns import run

if TYPE_CHECKING:
    from pathlib import Path

#: Eleven payments, by the hour of their order, of which as many as said are covered.
ELEVEN = [f"4 {hour:02d}:30 a b 10" for hour in range(1, 9)] + ["4 09:30 a b 10"] * 3


def hours(credited: int, folder: Path) -> tuple[dict[str, float], dict[str, float | None]]:
    """What is told of delays, at least and at most, if so many of the eleven are credited."""
    results = run(folder, [f"holder: a, balance: {10 * credited}", "holder: b"], ELEVEN)
    assert int(results.payments["credited_at"].notna().sum()) == credited
    return results.measures["delay"].value, results.measures["delay_at_most"].value


def test_where_all_is_credited_both_agree(tmp_path: Path) -> None:
    least, most = hours(11, tmp_path)
    assert most == least


@pytest.mark.parametrize(("credited", "known"), [(10, True), (6, True), (5, False), (0, False)])
def test_a_percentile_has_an_end_up_to_the_last_payment_credited(
    credited: int, known: bool, tmp_path: Path
) -> None:
    least, most = hours(credited, tmp_path)
    assert (most["p50"] is not None) == known
    assert [most[name] for name in ("p95", "p99", "mean", "value_weighted")] == [None] * 4
    assert least.keys() == most.keys()


def test_what_had_no_time_to_be_credited_moves_a_percentile_up(tmp_path: Path) -> None:
    # Eight wait from 01:30, 02:30 … until the opening at 09:00; three are ordered an hour before the end.
    orders = [*ELEVEN[:8], *["5 23:00 a b 10"] * 3]
    delays = run(tmp_path, ["holder: a, balance: 900", "holder: b"], orders).measures
    assert delays["delay"].value["p50"] == pytest.approx(sorted([1, 1, 1, *(7.5 - n for n in range(8))])[5])
    assert delays["delay_at_most"].value["p50"] == pytest.approx(sorted(7.5 - n for n in range(8))[5])
    assert delays["delay_at_most"].value["p95"] is None


def test_routes_are_told_alike(tmp_path: Path) -> None:
    measures = run(tmp_path, ["holder: a, balance: 60", "holder: b"], ELEVEN).measures
    assert measures["delay_at_most_by_route"].value == {"direct-s": measures["delay_at_most"].value}
