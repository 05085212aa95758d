"""Trade is drawn in months: a longer, earlier or later run adds months, and changes nothing of those that it shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import sim
from sim.results.facts.source import obligation_ids
from sim.scenario.load import load
from sim.world.build import build_world
from sim.world.draws import Pieces, choose_growing, draws_by_id, stream, uniform
from sim.world.trade import mean_invoice

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.world.world import DrawnWorld

#: The trade of a run, without the years that nobody needs here.
FRAME = ("period.start=2024-02-01", "period.end=2024-04-01", "run_in=20d", "horizon=20d")
SHARED = ("term", "payer", "payee", "currency", "amount", "invoiced_at", "due_at")
#: Other stretches of time that have something of the first in them; the clock changes within one of them in Europe.
FRAMES = {
    "run-in": ("run_in=60d",),
    "no run-in": ("run_in=0s",),
    "horizon": ("horizon=120d",),
    "half": ("period.end=2024-03-01",),
    "later": ("period.start=2024-03-10", "period.end=2024-05-15"),
    "next year": ("period.start=2025-01-01", "period.end=2025-02-01"),
    "from the year before": ("period.start=2023-11-20",),
}


def drawn(*overrides: str, name: str = "baseline") -> DrawnWorld:
    return build_world(load(name, (*FRAME, *overrides)))


def owed(world: DrawnWorld) -> pd.DataFrame:
    """Obligations by name; parties by name, since numbers count what else there is."""
    rows, firms = world.obligations, np.array(world.firms.labels)
    table = pd.DataFrame(
        {key: getattr(rows, key) for key in SHARED}, index=obligation_ids(world, every(world))
    )
    return table.assign(payer=firms[rows.payer], payee=firms[rows.payee])


def drawn_for(world: DrawnWorld) -> pd.DataFrame:
    """Routes, and what work and reviews are drawn with, of all payments, by obligation."""
    rows = world.payments
    columns = {"route": np.array(list(world.routes))[rows.route], **rows.draws}
    return pd.DataFrame(columns, index=obligation_ids(world, rows.obligation))


def every(world: DrawnWorld) -> NDArray[np.int64]:
    return np.arange(len(world.obligations))


@pytest.fixture(scope="module")
def plain() -> DrawnWorld:
    return drawn()


@pytest.mark.parametrize("frame", FRAMES)
def test_another_frame_shares_all_that_lies_in_both(frame: str, plain: DrawnWorld) -> None:
    other = drawn(*FRAMES[frame])
    one, two = owed(plain), owed(other)
    assert one.index.is_unique
    both = one.index.intersection(two.index)
    if frame != "next year":
        assert len(both) > 1000
    pd.testing.assert_frame_equal(one.loc[both], two.loc[both])
    for here, there, window in ((one, two, other.window), (two, one, plain.window)):
        concerned = here[window.concerns(here["invoiced_at"].to_numpy(), here["due_at"].to_numpy())]
        assert concerned.index.isin(there.index).all()
    one, two = drawn_for(plain), drawn_for(other)
    both = one.index.intersection(two.index)
    pd.testing.assert_frame_equal(one.loc[both], two.loc[both])


@pytest.mark.parametrize(
    ("zone", "frames"),
    [
        ("America/New_York", (("period.start=2024-02-01",), ("period.start=2024-03-20",))),
        ("Europe/Berlin", (("period.end=2024-04-20",), ("run_in=120d",))),
    ],
)
def test_due_dates_go_by_the_clock_of_their_own_day(zone: str, frames: tuple[tuple[str, ...], ...]) -> None:
    one, two = (owed(drawn(f"period.zone={zone}", *frame)) for frame in frames)
    both = one.index.intersection(two.index)
    assert len(both) > 1000
    pd.testing.assert_frame_equal(one.loc[both], two.loc[both])


def test_what_a_changed_volume_adds_is_the_same_in_every_frame() -> None:
    path = "{at: 2024-02-10, factor: 1.7}, {at: 2024-03-05, factor: 0.4}"
    more = f"timeline=[{{kind: volume, path: [{path}], source: assumption}}]"
    one, two = (owed(drawn(more, *frame)) for frame in ((), ("run_in=90d", "horizon=60d")))
    assert len(one) > 1000
    pd.testing.assert_frame_equal(one, two.loc[one.index])


def test_contracts_have_the_same_dues_in_every_frame() -> None:
    one, two = (
        owed(build_world(load("credit-in-yuan", (*FRAME, *frame))))
        for frame in ((), ("run_in=150d", "horizon=200d"))
    )
    of_contracts = one.index[one.index.str.startswith(("line", "park", "older-line", "loan", "industrial"))]
    assert len(of_contracts)
    pd.testing.assert_frame_equal(one.loc[of_contracts], two.loc[of_contracts])


@pytest.mark.parametrize("group", ["importers", "suppliers", "exporters", "buyers", "potash-buyers"])
def test_a_further_firm_takes_invoices_and_changes_nothing_else(group: str, plain: DrawnWorld) -> None:
    count = plain.scenario.firms[group].count
    more = drawn(f"firms.{group}.count={count + 1}")
    before, after = owed(plain), owed(more)
    newcomer = f"{group}-{count + 1:04d}"
    for party in ("payer", "payee"):
        taken = before[party] != after[party]
        assert (after.loc[taken, party] == newcomer).all()
    parties = ["payer", "payee"]
    assert (after[parties] == newcomer).any(axis=None)
    pd.testing.assert_frame_equal(before.drop(columns=parties), after.drop(columns=parties))
    paid = before.index[(before[parties] == after[parties]).all(axis=1)]
    one, two = drawn_for(plain), drawn_for(more)
    stay = one.index.intersection(paid)
    pd.testing.assert_frame_equal(one.loc[stay], two.loc[stay])


def test_firms_are_chosen_by_size() -> None:
    weights, count = np.array([1.0, 5.0, 0.5, 3.5]), 40_000
    chosen = choose_growing(weights, count, lambda turn: stream(1, 0, f"turn/{turn}").random(count))
    found = np.bincount(chosen, minlength=4) / count
    assert found == pytest.approx(weights / weights.sum(), abs=4 * 0.5 / np.sqrt(count))
    one = choose_growing(weights[:1], 5, lambda turn: stream(1, 0, f"turn/{turn}").random(5))
    assert one.tolist() == [0] * 5


@pytest.mark.parametrize("flow", ["potash", "equipment"])
def test_no_invoice_is_lost_or_made_by_rounding(flow: str) -> None:
    world = drawn("period.start=2023-01-01", "period.end=2025-01-01", "run_in=0s", "horizon=0s")
    rows, declared = world.obligations, world.scenario.flows[flow]
    months = rows.piece[rows.flow == list(world.scenario.flows).index(flow)] - 12 * (2023 - 1970)
    # All that is invoiced from the start on is in the run: 80.4 a year where 6.7 a month are not 7.
    counts = np.bincount(months[months >= 0], minlength=24)
    januaries = np.array(["2023-01-01", "2024-01-01", "2025-01-01"], dtype="datetime64[D]").astype(int)
    reached = np.rint(januaries / 365.25 * float(declared.value) / mean_invoice(declared))
    assert counts.reshape(2, 12).sum(axis=1).tolist() == np.diff(reached).tolist()
    assert len(set(counts.tolist())) > 1


def test_a_piece_has_its_draws_whatever_others_are_wanted() -> None:
    every = uniform(1, 0, "some", Pieces(np.array([3, 4, 700]), np.array([2, 5, 3])))
    alone = uniform(1, 0, "some", Pieces(np.array([4]), np.array([5])))
    longer = uniform(1, 0, "some", Pieces(np.array([700]), np.array([6])))
    assert every[2:7].tolist() == alone.tolist()
    assert every[7:].tolist() == longer[:3].tolist()
    assert len({*every.tolist(), *longer.tolist()}) == 13


def test_payments_of_ones_own_draw_by_their_name_and_replication(folder: Path) -> None:
    head = "payment_id,instructed_at,payer_bank,payee_bank,amount,route\n"
    rows = [f"p{k},2024-03-04 10:{k:02d},a,b,{k + 1},way" for k in range(20)]
    (folder / "own.yaml").write_text(OWN)

    def seconds(lines: list[str], replication: int = 0) -> dict[str, int]:
        (folder / "own.csv").write_text(head + "\n".join(lines) + "\n")
        table = sim.run("own.yaml", replication=replication).payments
        took = (table["credited_at"] - table["instructed_at"]).dt.total_seconds().astype(int)
        return dict(zip(table["payment_id"], took, strict=True))

    whole = seconds(rows)
    assert len(set(whole.values())) > 10
    assert seconds(rows[::-2]) == {key: whole[key] for key in [f"p{k}" for k in range(1, 20, 2)]}
    again = seconds(rows, replication=1)
    assert sum(again[key] != whole[key] for key in whole) > 15
    assert seconds(rows, replication=1) == again


def test_draws_by_name_are_uniform() -> None:
    names = np.array([str(k) for k in range(20_000)], dtype=object)
    one, two = draws_by_id(1, 0, names)("work"), draws_by_id(1, 0, names)("review")
    for column in (one, two):
        counts = np.histogram(column, 20, (0, 1))[0]
        assert (
            (counts - 1000) ** 2 / 1000
        ).sum() < 45  # the 99.9 % quantile for 19 degrees of freedom is 43.8
    assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(len(names))


OWN = """\
name: own
question: How long does it take?
period: {start: 2024-03-04 00:00, end: 2024-03-06 00:00}
payments: {file: own.csv}
banks: {a: {hours: always}, b: {hours: always}}
systems: {s: {kind: rtgs, currency: BYN, hours: always}}
accounts:
  - {holder: a, system: s, balance: 1000000}
  - {holder: b, system: s, balance: 0}
reporting_currency: BYN
routes:
  way:
    steps:
      - {kind: originate, work: {kind: exponential, mean: 1h}}
      - {kind: settle, system: s}
      - {kind: post, work: {kind: exponential, mean: 1h}}
"""
