"""A mix or a volume that moves along a path moves what it says and no draw of anything else."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import instant

from sim.scenario.check import check
from sim.scenario.load import load
from sim.scenario.model import Scenario
from sim.world.build import build_world
from sim.world.world import World

YEAR = ["run_in=0d", "horizon=0d"]

#: 60 % of invoices in yuan until spring, 75 % in summer, 90 % at the end of the year.
MIX = {
    "kind": "mix",
    "path": [
        {"at": "2024-04-01 00:00", "invoicing": {"CNY": "0.60", "RUB": "0.15", "USD": "0.20", "BYN": "0.05"}},
        {"at": "2024-07-01 00:00", "invoicing": {"CNY": "0.75", "RUB": "0.15", "USD": "0.05", "BYN": "0.05"}},
        {"at": "2024-12-31 00:00", "invoicing": {"CNY": "0.90", "BYN": "0.10"}},
    ],
}


@cache
def world(*kinds: str) -> World:
    return build_world(scenario(*(ENTRIES[kind] for kind in kinds)))


def scenario(*timeline: dict[str, Any]) -> Scenario:
    usual = load("baseline", YEAR)
    return Scenario.model_validate({**usual.model_dump(by_alias=True), "timeline": list(timeline)})


def volume(*points: tuple[str, str], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a scenario
    return {"kind": "volume", "path": [{"at": at, "factor": factor} for at, factor in points], **more}


ENTRIES = {
    "mix": MIX,
    "half": volume(("2024-07-01 00:00", "0.5"), flows=["goods"]),
    "double": volume(("2024-01-01 00:00", "1"), ("2024-12-31 00:00", "3"), flows=["goods", "food"]),
}


def trade(world: World) -> pd.DataFrame:
    rows = world.obligations
    table = pd.DataFrame({name: getattr(rows, name) for name in type(rows).__slots__})
    return table.set_index(["flow", "piece", "draw"]).sort_index()


def test_shares_move_in_straight_lines_between_the_points() -> None:
    table, fx = trade(world("mix")), world("mix").fx
    many = table[table.index.get_level_values("flow").isin([1, 2, 3])]

    def share(code: str, since: str, until: str) -> float:
        inside = many["invoiced_at"].between(instant(since), instant(until))
        assert inside.sum() > 1_000
        return float((many.loc[inside, "currency"] == fx.index(code)).mean())

    # About 2,000 invoices in each of these: the standard error of a share of 0.6 is 0.011 or less.
    assert share("CNY", "2024-01-01 00:00", "2024-04-01 00:00") == pytest.approx(0.60, abs=0.03)
    assert share("EUR", "2024-01-01 00:00", "2024-04-01 00:00") == pytest.approx(0.05, abs=0.015)
    assert share("CNY", "2024-05-01 00:00", "2024-06-01 00:00") == pytest.approx(0.675, abs=0.035)
    assert share("EUR", "2024-04-02 00:00", "2024-07-01 00:00") == 0
    assert share("CNY", "2024-06-16 00:00", "2024-07-16 00:00") == pytest.approx(0.75, abs=0.035)
    assert share("CNY", "2024-09-01 00:00", "2024-11-01 00:00") == pytest.approx(0.825, abs=0.03)
    assert share("CNY", "2024-12-16 00:00", "2024-12-31 23:00") == pytest.approx(0.89, abs=0.035)


def test_a_moving_mix_moves_nothing_but_currencies() -> None:
    usual, moved = trade(world()), trade(world("mix"))
    pd.testing.assert_frame_equal(
        usual.drop(columns=["currency", "amount"]), moved.drop(columns=["currency", "amount"])
    )
    same = usual["currency"] == moved["currency"]
    assert 0.6 < same.mean() < 0.95
    assert (usual.loc[same, "amount"] == moved.loc[same, "amount"]).all()
    assert world().fx.per_usd.tobytes() == world("mix").fx.per_usd.tobytes()
    # What is in yuan anyway stays in yuan as the share of yuan grows.
    yuan = world().fx.index("CNY")
    assert (moved.loc[usual["currency"] == yuan, "currency"] == yuan).all()
    # Nothing changes before the first point.
    before = usual["invoiced_at"] < instant("2024-04-01 00:00")
    assert same[before].all()


def test_a_flow_that_shrinks_loses_invoices_and_keeps_the_others_as_they_are() -> None:
    usual, fewer = trade(world()), trade(world("half"))
    assert set(fewer.index) < set(usual.index)
    pd.testing.assert_frame_equal(fewer, usual.loc[fewer.index])
    goods = list(world().scenario.flows).index("goods")
    gone = usual.index.difference(fewer.index)
    assert set(gone.get_level_values("flow")) == {goods}
    after = usual.loc[goods]["invoiced_at"] >= instant("2024-07-01 00:00")
    assert (usual.loc[gone, "invoiced_at"] >= instant("2024-07-01 00:00")).all()
    # Of about 13,000 invoices, half: the standard error is 0.0045.
    assert len(gone) / after.sum() == pytest.approx(0.5, abs=0.02)


def test_a_flow_that_grows_gains_invoices_and_keeps_the_others_as_they_are() -> None:
    usual, more = trade(world()), trade(world("double"))
    pd.testing.assert_frame_equal(more.loc[usual.index], usual)
    names = list(world().scenario.flows)
    new = more.loc[more.index.difference(usual.index)]
    assert {names[flow] for flow in new.index.get_level_values("flow")} == {"goods", "food"}
    goods, added = usual.loc[names.index("goods")], new.loc[names.index("goods")]
    for month, factor in ((3, 0.42), (6, 0.92), (9, 1.42)):
        since, until = (
            instant(f"2024-{month:02}-01 00:00"), instant(f"2024-{month + 1:02}-01 00:00"),
        )  # fmt: skip
        one, other = (int(table["invoiced_at"].between(since, until).sum()) for table in (goods, added))
        # From 1 to 3 in a year: in the middle of March the factor is 1.42.
        assert other / one == pytest.approx(factor, rel=0.12)
    assert np.log(added["amount"]).mean() == pytest.approx(np.log(goods["amount"]).mean(), abs=0.1)


def test_payments_keep_their_draws_whatever_comes_or_goes() -> None:
    def draws(world: World) -> pd.DataFrame:
        keys = pd.MultiIndex.from_arrays(
            [
                world.obligations.flow[world.payments.obligation],
                world.obligations.piece[world.payments.obligation],
                world.obligations.draw[world.payments.obligation],
            ]
        )
        return pd.DataFrame(world.payments.draws, index=keys).sort_index()

    usual = draws(world())
    for kind in ("mix", "half", "double"):
        other = draws(world(kind))
        common = usual.index.intersection(other.index)
        assert len(common) > 0.7 * len(usual)
        pd.testing.assert_frame_equal(usual.loc[common], other.loc[common])


@pytest.mark.parametrize(
    ("timeline", "complaints"),
    [
        (
            [volume(("2024-07-01 00:00", "1"), ("2024-06-01 00:00", "2"))],
            ["each point of a path comes after"],
        ),
        ([volume(("2026-07-01 00:00", "1"))] * 1, ["it lies outside of the run"] * 5),
        (
            [volume(("2024-07-01 00:00", "1")), volume(("2024-02-01 00:00", "2"), flows=["food"])],
            ["the volume of 'food' is changed by entry 0"],
        ),
        (
            [{**MIX, "flows": ["food"], "path": [{"at": "2024-07-01 00:00", "invoicing": {"HKD": "1"}}]}],
            ["no market of 'belarus' trades HKD/BYN", "no market of 'china' trades", "no route carries HKD"],
        ),
    ],
)
def test_paths_that_do_not_fit_are_refused(timeline: list[dict[str, Any]], complaints: list[str]) -> None:
    found = list(check(scenario(*timeline)))
    assert len(found) == len(complaints)
    for finding, complaint in zip(found, complaints, strict=True):
        assert finding.path[:1] == ("timeline",)
        assert complaint in finding.message
