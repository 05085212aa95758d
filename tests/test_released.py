"""Whatever waited and settled was let go by one change: the last that it needed, told by kind and posting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from agreement import assert_same_story

import sim
from sim.scenario.load import load
from sim.world.build import build_world

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCENARIO = """
name: released
period: {{start: 2024-03-04 00:00, end: 2024-03-11 00:00, zone: Europe/Minsk}}
fx: {{kind: constant, rates: {{CNY: 7.5, BYN: 3}}}}
systems:
  {systems}
accounts:
{accounts}
payments: {{file: payments.csv, system: s}}
{more}
"""
OFFICE = '{zone: Europe/Minsk, calendar: always, sessions: ["09:00-17:00"]}'


def scenario(folder: Path, systems: str, accounts: list[str], payments: list[str], more: str = "") -> Path:
    """Payments are `day time payer payee amount`, in March 2024, and the system, unless it is `s`."""
    lines = ["payment_id,instructed_at,payer_bank,payee_bank,amount,system"]
    for number, payment in enumerate(payments, start=1):
        day, clock, payer, payee, amount, *system = payment.split()
        lines.append(f"p{number},2024-03-{day}T{clock},{payer},{payee},{amount},{(system or ['s'])[0]}")
    (folder / "payments.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    listed = "\n".join(
        f"  - {{{'' if 'system:' in account else 'system: s, '}{account}}}" for account in accounts
    )
    text = SCENARIO.format(systems=systems, accounts=listed, more=more)
    (folder / "scenario.yaml").write_text(text, encoding="utf-8")
    return folder / "scenario.yaml"


def run(folder: Path, systems: str, accounts: list[str], payments: list[str], more: str = "") -> sim.Results:
    """The run of such a scenario."""
    return sim.run(scenario(folder, systems, accounts, payments, more))


def town_of(rules: str) -> str:
    """One system, open from 09:00 to 17:00, of a kind and by some rules."""
    return f"s: {{{rules}, currency: BYN, hours: {OFFICE}}}"


def linked(hours: str = "always", queue: str = "fifo") -> str:
    """A system `s` in yuan that never closes, one `t` in roubles (0.40 for a yuan), and a link of both."""
    return f"""s: {{kind: rtgs, currency: CNY, hours: always}}
  t: {{kind: rtgs, currency: BYN, hours: {hours}}}
  link: {{kind: pvp, legs: [s, t], queue: {queue}}}"""


def told(results: sim.Results) -> dict[str, str]:
    """By payment: what let it go, and whose posting; nothing for those that did not wait or did not settle."""
    rows = results.transfers[results.transfers["released_by"].notna()]
    money = results.postings["payment_id"]
    found: dict[str, str] = {}
    for row in rows.itertuples():
        by = str(row.released_by)
        if by in ("credit", "grant"):
            payment = money[row.released_by_posting]
            by += "" if pd.isna(payment) else f" {payment}"
        else:
            assert pd.isna(row.released_by_posting)
        # Both movements of a link go together.
        assert found.setdefault(row.payment_id, by) == by
    return found


GROSS = town_of("kind: rtgs, queue: fifo")
BYPASS = town_of("kind: rtgs, queue: bypass")
ROUBLES = ["system: t, holder: B", "system: t, holder: C, balance: 20"]
FAILING = """banks: {{A: {{hours: always}}, B: {{hours: always}}, C: {{hours: always}}}}
timeline: [{{kind: failed_bank, bank: C, at: {at}}}]"""
LIMIT = "limits: {bilateral: {B: 10}}"
HOLD = "holds: {below: 100, until: '15:00'}"

CASES: dict[str, tuple[str, list[str], list[str], str, dict[str, str]]] = {
    "what settles at once, or never, has no releaser": (
        GROSS,
        ["holder: A, balance: 50", "holder: B"],
        ["04 10:00 A B 50", "04 11:00 A B 1"],
        "",
        {},
    ),
    "a credit lets go who waits on the account": (
        GROSS,
        ["holder: A, balance: 50", "holder: B, balance: 20"],
        ["04 10:00 A B 60", "04 11:00 B A 9", "04 12:00 B A 1"],
        "",
        {"p1": "credit p3"},
    ),
    "in a cascade each is let go by the one before it": (
        GROSS,
        ["holder: A, balance: 50", "holder: B", "holder: C, balance: 10"],
        ["04 10:00 B C 30", "04 11:00 A B 60", "04 12:00 C A 10"],
        "",
        {"p1": "credit p2", "p2": "credit p3"},
    ),
    "who stood behind in the queue is let go by the same posting": (
        GROSS,
        ["holder: A, balance: 50", "holder: B, balance: 90"],
        ["04 10:00 A B 60", "04 10:01 A B 10", "04 11:00 B A 30"],
        "",
        {"p1": "credit p3", "p2": "credit p3"},
    ),
    "of credits that come together each lets go whom it covers": (
        GROSS,
        ["holder: A", "holder: B", "holder: C, balance: 15"],
        ["04 10:00 A C 10", "04 10:01 A C 5", "04 10:02 B A 10", "04 10:03 B A 5", "04 11:00 C B 15"],
        "",
        {"p1": "credit p3", "p2": "credit p4", "p3": "credit p5", "p4": "credit p5"},
    ),
    "who passes is let go by the posting that covers it": (
        BYPASS,
        ["holder: A", "holder: B", "holder: C, balance: 15"],
        ["04 10:00 A C 40", "04 10:01 A C 12", "04 10:02 B A 10", "04 10:03 B A 5", "04 11:00 C B 15"],
        "",
        {"p2": "credit p4", "p3": "credit p5", "p4": "credit p5"},
    ),
    "money from outside is a grant": (
        GROSS,
        ["holder: A", "holder: B"],
        ["04 10:00 A B 60"],
        "timeline: [{kind: liquidity, at: 2024-03-04 12:00, system: s, holder: A, amount: 60}]",
        {"p1": "grant"},
    ),
    "a treasury's purchase is a grant, and what it brings on is a credit": (
        GROSS,
        ["holder: A, treasury: desk", "holder: B"],
        ["04 10:00 B A 20", "04 10:01 A B 60"],
        "treasuries: {desk: {at: '12:00', zone: Europe/Minsk, calendar: always}}",
        {"p1": "credit p2", "p2": "grant"},
    ),
    "a loan is a grant": (
        GROSS,
        ["holder: A", "holder: B"],
        ["04 10:00 A B 60"],
        "facilities: {line: {system: s, kind: swap_line, banks: [A], limit: 100, rate: 0.01}}",
        {"p1": "grant"},
    ),
    "squaring is a grant": (
        town_of("kind: clearing, swing: 10, settled: weekly, at: '16:00'"),
        ["holder: A", "holder: B", "holder: C"],
        ["04 10:00 A B 6", "04 10:01 A C 4", "04 11:00 A B 9"],
        "",
        {"p3": "grant"},
    ),
    "an opening lets go who waited for it alone": (
        GROSS,
        ["holder: A, balance: 50", "holder: B"],
        ["04 08:00 A B 20", "04 09:00 A B 20", "05 08:00 A B 30", "05 10:00 B A 20"],
        "",
        {"p1": "opening", "p3": "credit p4"},
    ),
    "the end of an outage is an opening": (
        GROSS,
        ["holder: A, balance: 50", "holder: B"],
        ["04 11:00 A B 20"],
        "timeline: [{kind: outage, system: s, from: 2024-03-04 10:00, to: 2024-03-04 12:00}]",
        {"p1": "opening"},
    ),
    "money that comes with the opening is what was needed last": (
        GROSS,
        ["holder: A", "holder: B", "holder: C, balance: 10"],
        ["04 12:00 A B 10", "05 08:00 C A 10"],
        "",
        {"p1": "credit p2", "p2": "opening"},
    ),
    "offsetting lets go whom it settles together": (
        town_of("kind: rtgs, offsetting: {kind: multilateral}"),
        ["holder: A, balance: 5", "holder: B"],
        ["04 10:00 A B 10", "04 11:00 B A 10"],
        "",
        {"p1": "offsetting", "p2": "offsetting"},
    ),
    "what offsetting brings lets others go": (
        town_of("kind: rtgs, queue: bypass, offsetting: {kind: bilateral}"),
        ["holder: A", "holder: B, balance: 5", "holder: C"],
        ["04 10:00 A C 5", "04 10:01 A B 10", "04 11:00 B A 15"],
        "",
        {"p1": "credit p3", "p2": "offsetting", "p3": "offsetting"},
    ),
    "a cycle lets go whom it settles": (
        town_of("kind: dns, cycles: ['12:00']"),
        ["holder: A, balance: 50", "holder: B"],
        ["04 08:00 A B 20", "04 10:00 A B 40", "04 13:00 B A 10"],
        "",
        {"p1": "cycle", "p2": "cycle", "p3": "cycle"},
    ),
    "between cycles a hybrid settles at once": (
        town_of("kind: hybrid, cycles: ['12:00']"),
        ["holder: A, balance: 50", "holder: B"],
        ["04 08:00 A B 20", "04 10:00 A B 40", "04 11:00 B A 10"],
        "",
        {"p1": "opening", "p2": "cycle"},
    ),
    "limits begin anew with the day": (
        GROSS,
        [f"holder: A, balance: 90, {LIMIT}", "holder: B"],
        ["04 10:00 A B 8", "04 11:00 A B 5"],
        "",
        {"p2": "renewal"},
    ),
    "a credit makes room within a limit": (
        GROSS,
        [f"holder: A, balance: 90, {LIMIT}", "holder: B", "holder: C, balance: 50"],
        ["04 10:00 A B 8", "04 11:00 A B 5", "04 11:30 A C 1", "04 12:00 C A 9", "04 13:00 B A 3"],
        "",
        {"p2": "credit p5", "p3": "credit p5"},
    ),
    "of credits that come together the one lets go that makes the room": (
        GROSS,
        [f"holder: A, balance: 90, {LIMIT}", "holder: B", "holder: C", "holder: D, balance: 12"],
        [
            "04 10:00 A B 10",
            "04 10:01 B D 10",
            "04 11:00 A B 6",
            "04 11:00 A D 1",
            "04 11:01 B C 6",
            "04 11:02 B A 6",
            "04 11:03 C A 6",
            "04 12:00 D B 12",
        ],
        "",
        {"p3": "credit p6", "p4": "credit p6", "p5": "credit p8", "p6": "credit p8", "p7": "credit p5"},
    ),
    "the hour comes from which on a bank holds back no more": (
        GROSS,
        [f"holder: A, balance: 100, {HOLD}", "holder: B"],
        ["04 10:00 A B 20", "04 15:30 A B 20"],
        "",
        {"p1": "unheld"},
    ),
    "a credit lets go what is held back": (
        GROSS,
        [f"holder: A, balance: 100, {HOLD}", "holder: B, balance: 50"],
        ["04 10:00 A B 20", "04 11:00 B A 20"],
        "",
        {"p1": "credit p2"},
    ),
    "money that comes at the hour is what was needed last": (
        GROSS,
        [f"holder: A, balance: 100, {HOLD}", "holder: B, balance: 50"],
        ["04 10:00 A B 70", "04 10:01 A B 70", "04 15:00 B A 40"],
        "",
        {"p1": "unheld", "p2": "credit p3"},
    ),
    "a throughput rule has a bank send": (
        town_of("kind: rtgs, throughput: [{share: 0.5, by: '12:00'}]"),
        [f"holder: A, balance: 100, {HOLD}", "holder: B"],
        ["04 10:00 A B 20", "04 10:01 A B 20", "04 10:02 B A 5"],
        "",
        {"p1": "pace", "p2": "unheld", "p3": "credit p1"},
    ),
    "money that comes as the day begins does not make room within a limit": (
        GROSS,
        [f"holder: A, balance: 90, {LIMIT}", "holder: B", "holder: C"],
        ["04 10:00 A B 8", "04 11:00 A B 5", "05 12:00 B A 13"],
        "timeline: [{kind: liquidity, at: 2024-03-05 09:00, system: s, holder: A, amount: 40}]",
        {"p2": "renewal"},
    ),
    "who stood behind what is settled together is let go by that": (
        town_of("kind: rtgs, offsetting: {kind: bilateral}"),
        [f"holder: A, balance: 90, {LIMIT}", "holder: B", "holder: C"],
        ["04 10:00 A B 8", "04 10:01 A B 6", "04 10:02 A C 1", "04 11:00 B A 9"],
        "",
        {"p2": "offsetting", "p3": "offsetting", "p4": "offsetting"},
    ),
    "those behind a bank that fails go on without it": (
        GROSS,
        ["holder: A, balance: 50", "holder: B", "holder: C"],
        ["04 10:00 A C 60", "04 10:01 A B 10"],
        FAILING.format(at="2024-03-04 12:00"),
        {"p2": "failure"},
    ),
    "if it fails in the night, the opening lets them go": (
        GROSS,
        ["holder: A, balance: 50", "holder: B", "holder: C"],
        ["04 10:00 A C 60", "04 10:01 A B 10"],
        FAILING.format(at="2024-03-04 20:00"),
        {"p2": "opening"},
    ),
    "a link is let go by a credit to either account": (
        linked(),
        ["holder: A, balance: 10", "holder: B", "system: t, holder: A", *ROUBLES],
        ["04 10:00 A B 10 link", "04 11:00 C B 4 t"],
        "",
        {"p1": "credit p2"},
    ),
    "where both accounts were credited, a link is let go by the later one": (
        linked(),
        ["holder: A", "holder: B, balance: 10", "system: t, holder: A", *ROUBLES],
        ["04 10:00 A B 10 link", "04 11:00 C B 4 t", "04 12:00 B A 10"],
        "",
        {"p1": "credit p3"},
    ),
    "who waits behind in a link is let go by the same posting, whichever account it went to": (
        linked(),
        ["holder: A, balance: 20", "holder: B", "holder: C", "system: t, holder: A", *ROUBLES],
        ["04 10:00 A B 10 link", "04 10:01 A C 10 link", "04 11:00 C B 4 t"],
        "",
        {"p1": "credit p3", "p2": "credit p3"},
    ),
    "who may pass in a link does not wait": (
        linked(queue="bypass"),
        ["holder: A, balance: 20", "holder: B", "holder: C", "system: t, holder: A", *ROUBLES],
        ["04 10:00 A B 10 link", "04 10:01 A C 10 link", "04 11:00 C B 4 t"],
        "",
        {"p1": "credit p3"},
    ),
    "what a link moves lets others go, in its legs and in the link": (
        linked(),
        ["holder: A, balance: 20", "holder: B", "holder: C", "system: t, holder: A", *ROUBLES],
        ["04 10:00 B C 8", "04 10:01 B C 12 link", "04 10:02 A B 20 link", "04 11:00 C B 8 t"],
        "",
        {"p1": "credit p3", "p2": "credit p3", "p3": "credit p4"},
    ),
    "what comes while a link is shut waits for its opening": (
        linked(OFFICE),
        ["holder: A", "holder: B", "holder: C, balance: 10", "system: t, holder: A", *ROUBLES],
        ["04 10:00 A B 10 link", "04 11:00 C B 4 t", "04 20:00 C A 10", "05 08:00 A B 0.5 link"],
        "",
        {"p1": "opening"},
    ),
    "at the opening of a link one payment may bring what the next one lacks": (
        linked(OFFICE),
        [
            *("holder: A", "holder: B", "holder: C", "holder: D, balance: 14", "system: t, holder: A"),
            *("system: t, holder: B, balance: 4", "system: t, holder: C, balance: 4"),
        ],
        ["04 10:00 A B 10 link", "04 10:01 B C 10 link", "04 20:00 D A 10", "04 20:01 D B 4"],
        "",
        {"p1": "opening", "p2": "credit p1"},
    ),
    "those behind a bank that fails go on without it in a link, too": (
        linked(),
        ["holder: A, balance: 20", "holder: B", "holder: C", "system: t, holder: A", *ROUBLES],
        ["04 10:00 A B 10 link", "04 10:01 A C 10 link"],
        FAILING.format(at="2024-03-04 12:00").replace("bank: C", "bank: B"),
        {"p2": "failure"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_lets_a_transfer_go(case: str, tmp_path: Path) -> None:
    systems, accounts, payments, more, expected = CASES[case]
    assert told(run(tmp_path, systems, accounts, payments, more)) == expected


@pytest.mark.parametrize("case", CASES)
def test_engine_and_plain_model_agree_on_what_lets_a_transfer_go(case: str, tmp_path: Path) -> None:
    systems, accounts, payments, more, _ = CASES[case]
    assert_same_story(build_world(load(str(scenario(tmp_path, systems, accounts, payments, more)))))


def test_a_squared_position_is_let_go_by_the_payment_that_was_needed_last(tmp_path: Path) -> None:
    """At squaring B pays A six and C four; the waiting payment needs what B pays, and not what C pays after it."""
    systems, accounts, payments, *_ = CASES["squaring is a grant"]
    for amount, posted in (("6", 6_00), ("9", 4_00)):
        results = run(tmp_path, systems, accounts, [*payments[:2], f"04 11:00 A B {amount}"])
        (posting,) = results.transfers["released_by_posting"].dropna()
        assert results.postings.loc[posting, "amount"] == posted


#: Library scenarios that between them have every kind of releaser but an offsetting of their own, and returns.
LIBRARY = (
    "mechanisms/scarce-bilateral",
    "mechanisms/pvp",
    "mechanisms/throughput-rule",
    "mechanisms/limits",
    "mechanisms/dns",
    "mechanisms/squeeze-swap-line",
)


class Moves:
    """The transfers of a run and the rows of its postings that settled them or let them go."""

    def __init__(self, results: sim.Results) -> None:
        key = ["payment_id", "attempt", "kind", "step", "part", "debit_account"]
        transfers = results.transfers.astype({"debit_account": "str", "credit_account": "str"})
        postings = results.postings.astype({"debit_account": "str", "credit_account": "str"})
        own = postings[postings["payment_id"].notna()].set_index(key)["posting_id"].to_dict()
        rows = transfers[key].itertuples(index=False, name=None)
        self.transfers = transfers.assign(own=[own.get(row) for row in rows])
        self.postings = postings
        brought = transfers["released_by"].isin(["credit", "grant"])
        self.by_money = self.transfers[brought].join(
            postings[["posted_at", "payment_id", "credit_account", "amount"]].add_prefix("by_"),
            on="released_by_posting",
        )


@pytest.fixture(params=LIBRARY)
def moves(request: pytest.FixtureRequest, short_runs: Mapping[str, sim.Results]) -> Moves:
    return Moves(short_runs[request.param])


def test_whatever_waited_and_settled_has_a_releaser_and_nothing_else_has(moves: Moves) -> None:
    rows = moves.transfers
    settled, queued, by = rows["settled_at"].notna(), rows["queue_entry"].notna(), rows["released_by"]
    assert by[settled & queued].notna().all()
    assert by[~settled].isna().all()
    assert set(by[settled & ~queued].dropna()) <= {"opening"}
    assert (rows["released_by_posting"].notna() == by.isin(["credit", "grant"])).all()


def test_the_money_that_let_a_transfer_go_came_to_its_account_at_that_instant_and_before(
    moves: Moves,
) -> None:
    rows = moves.by_money
    assert len(rows) > 20
    assert (rows["by_posted_at"] == rows["settled_at"]).all()
    assert (rows["released_by_posting"] < rows["own"]).all()
    assert (rows["by_payment_id"].notna() == (rows["released_by"] == "credit")).all()
    alone = rows["link"].isna()
    assert (rows["by_credit_account"] == rows["debit_account"])[alone].all()


@pytest.mark.parametrize("name", ["mechanisms/scarce-bilateral", "mechanisms/squeeze-swap-line"])
def test_without_the_money_that_let_it_go_a_transfer_had_no_cover(
    name: str, short_runs: Mapping[str, sim.Results]
) -> None:
    """With what came up to that posting, and all that was paid before, the account covers it; without it, not."""
    moves, accounts = Moves(short_runs[name]), short_runs[name].accounts.set_index("account")
    signed = pd.concat(
        [
            moves.postings.set_index(side)[["posting_id"]].assign(
                amount=sign * moves.postings["amount"].to_numpy()
            )
            for side, sign in (("debit_account", -1), ("credit_account", 1))
        ]
    )
    of = dict(iter(signed.groupby(level=0)))
    for row in moves.by_money.itertuples():
        account = accounts.loc[row.debit_account]
        mine = of[row.debit_account]
        before = mine["posting_id"] < row.own
        later = (mine["posting_id"] > row.released_by_posting) & (mine["amount"] > 0)
        cover = account["opening_balance"] - account["floor"] + mine.loc[before & ~later, "amount"].sum()
        assert cover >= row.amount > cover - row.by_amount
