"""A payment's life is told instant by instant, with what let it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from click.testing import CliRunner

import sim
from sim.cli import cli
from sim.errors import NoPaymentError
from sim.results.life import life, slowest
from sim.scenario.load import load

if TYPE_CHECKING:
    from pathlib import Path

OWN = """\
name: own
question: What let them go?
period: {start: 2024-03-04 00:00, end: 2024-03-06 00:00}
reporting_currency: BYN
hours: {day: {calendar: weekdays, zone: Europe/Minsk, sessions: ["09:00-17:00"]},
  shanghai: {calendar: weekdays, zone: Asia/Shanghai, sessions: ["09:00-17:00"]}}
payments: {file: own.csv, system: s}
banks: {a: {hours: day}, b: {hours: shanghai}, c: {hours: day}}
systems: {s: {kind: rtgs, currency: BYN, hours: day}}
accounts: {s: [{holder: a, balance: 10}, {holder: b, balance: 0}, {holder: c, balance: 100}]}
timeline: [{kind: liquidity, at: 2024-03-05 10:00, holder: b, system: s, amount: 1}]
"""
PAYMENTS = """\
payment_id,instructed_at,payer_bank,payee_bank,amount
first,2024-03-04 10:00,a,b,30
behind,2024-03-04 10:30,a,b,5
help,2024-03-04 12:00,c,a,25
onward,2024-03-04 13:00,b,c,36
later,2024-03-04 14:00,a,b,7
never,2024-03-05 11:00,b,c,1000
"""


@pytest.fixture
def own(folder: Path) -> sim.Results:
    (folder / "own.yaml").write_text(OWN)
    (folder / "own.csv").write_text(PAYMENTS)
    return sim.run("own.yaml", output="own")


def told(*arguments: str) -> str:
    """What `sim trace` says, on one line."""
    done = CliRunner().invoke(cli, ["trace", "own", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return " ".join(done.output.split())


@pytest.mark.quick
def test_a_payment_that_waits_for_cover_names_the_credit_that_released_it(own: sim.Results) -> None:
    (stay,) = life(own.run, "first").stays
    (wait,) = stay.waits
    assert (wait.balance, wait.amount, wait.ahead, wait.released_by) == (10_00, 30_00, 0, "credit")
    assert wait.money is not None
    assert (wait.money.payment, wait.money.debit_account, wait.money.amount) == ("help", "c@s", 25_00)
    assert wait.balance_then == 10_00
    assert wait.money.at == wait.settled_at == pd.Timestamp("2024-03-04 09:00", tz="UTC")
    assert stay.seconds == {"liquidity": 2 * 3600}
    text = told("first")
    assert (
        "Mon 04 Mar 12:00:00 Mon 04 Mar 17:00:00 released: payment help brings BYN 25 from c@s to the BYN 10"
        in text
    )


def test_who_waits_behind_another_is_told_the_queue_and_other_money_by_its_name(own: sim.Results) -> None:
    ((wait,),) = (stay.waits for stay in life(own.run, "behind").stays)
    assert (wait.ahead, wait.ahead_amount, wait.balance) == (1, 30_00, 10_00)
    assert "1 before it in the queue, of BYN 30" in told("behind")
    # Those that waited before it have gone.
    ((wait,),) = (stay.waits for stay in life(own.run, "later").stays)
    assert (wait.ahead, wait.ahead_amount, wait.balance) == (0, 0, 0)
    # The money of the first two is there; what is lacking is granted.
    assert "released: other money brings BYN 1" in told("onward")


def test_what_never_settles_is_followed_to_the_end(own: sim.Results) -> None:
    text = told("never")
    assert "not settled by the end of the run" in text
    assert "the run ends, and the payee has no money: 13 h after the order" in text
    assert slowest(own.run, 2) == ["later", "onward"]
    assert told("--slowest", "2").startswith("payment delay amount")


def test_a_payment_that_is_not_there_is_told_with_those_that_are(own: sim.Results) -> None:
    with pytest.raises(NoPaymentError, match=r"no payment 'firts'; the run has 6, first to never"):
        life(own.run, "firts")
    for arguments in (
        ["trace", "own", "firts"],
        ["trace", "own"],
        ["trace", "own", "first", "--slowest", "3"],
    ):
        assert CliRunner().invoke(cli, arguments).exit_code == 2


@pytest.mark.parametrize("name", ["returned-payments", "mechanisms/pvp", "overloaded-desks"])
def test_every_life_is_whole(name: str) -> None:
    short = ("period.start=2024-03-04", "period.end=2024-03-07", "run_in=0s", "horizon=20d")
    results = sim.run(load(name, short), measures=[])
    for one in [*slowest(results.run, 10), "0"]:
        found = life(results.run, one)
        ends = [found.payment["instructed_at"], *(stay.ended_at for stay in found.stays)]
        assert [stay.began_at for stay in found.stays] == ends[:-1]
        assert ends[-1] == (
            results.run.end if pd.isna(found.payment["credited_at"]) else found.payment["credited_at"]
        )
        for stay in found.stays:
            assert sum(stay.seconds.values()) == (stay.ended_at - stay.began_at).total_seconds()
            assert all(stay.began_at <= at <= stay.ended_at for at, *_ in stay.happened)
            assert bool(stay.waits) == (stay.place == "system")


def test_an_obligation_leads_to_its_payment() -> None:
    short = ("period.start=2024-03-04", "period.end=2024-03-06", "run_in=0s", "horizon=5d")
    results = sim.run(load("baseline", short), measures=[])
    row = results.payments.iloc[7]
    assert life(results.run, row["obligation_id"]).payment["payment_id"] == row["payment_id"]
