"""The timeline changes what it says, from the instant that it says, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pytest
from builders import POST, Order, by_hand, declare, instant, town
from stays import assert_accounted, by_reason, reasons, seconds

from sim.core.causes import PLACES, REASONS
from sim.core.clock import HOUR, MINUTE
from sim.engine.run import simulate
from sim.errors import ScenarioError
from sim.scenario.check import check
from sim.scenario.load import load, load_located, to_yaml
from sim.scenario.model import Scenario
from sim.scenario.model.entry import Span
from sim.world import timeline
from sim.world.build import build_world, prepare
from sim.world.timeline import Gap
from sim.world.timing import Openings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from sim.engine.records import Records
    from sim.world.world import World

OFFICE = {"zone": "Europe/Minsk", "calendar": "belarus", "sessions": ["09:00-17:00"]}


def run(declared: dict[str, Any], *orders: Order) -> Records:
    return simulate(by_hand(declare(declared), *orders))


def office_town(*timeline: dict[str, Any], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a scenario
    """Two banks and a system that works from nine to five in Minsk, Monday 4 to Monday 11 March 2024."""
    return town(
        {"a": "100", "b": "0"},
        hours={"office": OFFICE},
        systems={"gross": {"kind": "rtgs", "currency": "CNY", "hours": "office"}},
        timeline=list(timeline),
        **changes,
    )


def outage(since: str, until: str | None = None, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    return {"kind": "outage", "from": since, **({"to": until} if until else {}), **more}


# Outages.


def test_six_hours_out_delay_by_what_they_last_and_not_by_the_night() -> None:
    six_hours = outage("2024-03-05 10:00", "2024-03-05 16:00", system="gross")
    records = run(
        office_town(six_hours),
        Order("2024-03-05 09:30", "a", "b", 1),
        Order("2024-03-05 10:00", "a", "b", 1),
        Order("2024-03-05 12:00", "a", "b", 1),
        Order("2024-03-05 16:00", "a", "b", 1),
        Order("2024-03-05 20:00", "a", "b", 1),
    )
    assert [reasons(records, k) for k in range(5)] == [
        {},
        {"outage": 6 * HOUR},
        {"outage": 4 * HOUR},
        {},
        {"closed_hours": 13 * HOUR},
    ]


def test_an_outage_until_after_closing_makes_the_night_its_own() -> None:
    evening = outage("2024-03-05 15:00", "2024-03-05 18:00", system="gross")
    records = run(office_town(evening), Order("2024-03-05 16:00", "a", "b", 1))
    assert reasons(records) == {"outage": 17 * HOUR}


def test_an_outage_at_night_or_on_a_holiday_delays_nobody() -> None:
    # 8 March is a holiday in Belarus, and a Friday.
    rests = [
        outage("2024-03-05 17:00", "2024-03-06 09:00", system="gross"),
        outage("2024-03-08 00:00", "2024-03-11 00:00", system="gross"),
    ]
    orders = [
        Order(f"2024-03-0{day} {hour:02}:10", "a", "b", 1) for day in range(4, 10) for hour in range(0, 24, 3)
    ]
    quiet, out = run(office_town(), *orders), run(office_town(*rests), *orders)
    assert by_reason(out).tolist() == by_reason(quiet).tolist()


def test_a_wait_for_opening_that_an_outage_prolongs_is_divided_at_the_opening() -> None:
    morning = outage("2024-03-05 08:00", "2024-03-05 11:30", system="gross")
    records = run(office_town(morning), Order("2024-03-05 07:00", "a", "b", 1))
    assert reasons(records) == {"closed_hours": 2 * HOUR, "outage": 2 * HOUR + 30 * MINUTE}


def test_a_bank_that_is_out_neither_takes_up_orders_nor_works_on_them() -> None:
    steps = [
        {"kind": "originate", "accepts": "office", "work": {"kind": "fixed", "value": "3h"}},
        {"kind": "settle", "system": "gross"},
        POST,
    ]
    noon = outage("2024-03-05 11:00", "2024-03-05 13:00", bank="a")
    declared = office_town(noon, routes={"direct": {"steps": steps}})
    declared["banks"] = {bank: {"side": "town", "hours": "office"} for bank in "ab"}
    records = run(
        declared,
        Order("2024-03-05 10:00", "a", "b", 1),
        Order("2024-03-05 12:00", "a", "b", 1),
        Order("2024-03-05 12:00", "b", "a", 0),
    )
    # Work on the first rests from 11:00 to 13:00; that on the second begins then.
    assert reasons(records, 0) == {"work": 3 * HOUR, "outage": 2 * HOUR}
    assert reasons(records, 1) == {"work": 3 * HOUR, "outage": HOUR}
    # The other bank works on, and the client of the bank that is out waits for nothing but the credit.
    assert reasons(records, 2) == {"work": 3 * HOUR}


def test_work_that_an_outage_pushes_over_closing_time_waits_for_the_night_because_of_it() -> None:
    steps = [{"kind": "settle", "system": "gross"}, {**POST, "work": {"kind": "fixed", "value": "2h"}}]
    declared = office_town(
        outage("2024-03-05 14:00", "2024-03-05 16:00", bank="b"), routes={"direct": {"steps": steps}}
    )
    declared["banks"] = {bank: {"side": "town", "hours": "office"} for bank in "ab"}
    records = run(declared, Order("2024-03-05 14:00", "a", "b", 1))
    # Done at 16:00 without the outage; with it, an hour is left at 17:00 and goes on at 9:00.
    assert reasons(records) == {"work": 2 * HOUR, "outage": 18 * HOUR}


def test_a_market_that_is_out_keeps_its_buyers_waiting() -> None:
    declared = office_town(
        outage("2024-03-05 10:00", "2024-03-05 12:00", market="exchange"),
        sides={"town": {"functional_currency": "BYN", "hours": "always", "markets": ["exchange"]}},
        markets={"exchange": {"hours": "office", "pairs": {"CNY/BYN": {"spread_bps": 0}}}},
        routes={
            "direct": {
                "steps": [
                    {"kind": "convert"},
                    {"kind": "settle", "system": "gross"},
                    POST,
                    {"kind": "convert", "by": "payee"},
                ]
            }
        },
    )
    records = run(declared, Order("2024-03-05 10:30", "a", "b", 1))
    assert reasons(records) == {"outage": 90 * MINUTE}


def test_a_recovery_opens_the_last_part_of_each_hour() -> None:
    cyber = outage("2024-03-05 10:00", "2024-03-05 12:00", system="gross", recovery=[0.25, 0.5])
    arrivals = ["11:00", "12:00", "12:45", "13:10", "13:30", "14:00"]
    records = run(office_town(cyber), *(Order(f"2024-03-05 {at}", "a", "b", 1) for at in arrivals))
    waits = [reasons(records, k).get("outage", 0) // MINUTE for k in range(len(arrivals))]
    assert waits == [105, 45, 0, 20, 0, 0]


def test_a_cycle_that_falls_into_an_outage_takes_place_when_the_system_is_back() -> None:
    declared = office_town(outage("2024-03-05 11:00", "2024-03-05 13:00", system="gross"))
    declared["systems"]["gross"] = {"kind": "dns", "currency": "CNY", "hours": "office"}
    declared["systems"]["gross"]["cycles"] = ["12:00", "15:00"]
    records = run(declared, Order("2024-03-05 10:00", "a", "b", 1), Order("2024-03-05 13:30", "a", "b", 1))
    assert reasons(records, 0) == {"netting": 2 * HOUR, "outage": HOUR}
    assert reasons(records, 1) == {"netting": 90 * MINUTE}


def test_an_outage_ends_no_session() -> None:
    """An account that is emptied in the evening is not emptied when the system goes out."""
    declared = office_town(outage("2024-03-05 11:00", "2024-03-05 13:00", system="gross"))
    declared["systems"]["gross"]["zero_balance"] = True
    declared["period"] = {"start": "2024-03-05 00:00", "end": "2024-03-05 16:00"}
    records = run(declared, Order("2024-03-05 14:00", "a", "b", 5_000))
    assert reasons(records) == {}
    assert records.closing.tolist()[:2] == [5_000, 5_000]


def test_every_second_has_one_cause_whatever_is_out() -> None:
    scenario = load(
        "baseline",
        ["period.end=2024-02-20 00:00", "run_in=20d", "horizon=20d"],
    )
    out = [
        outage("2024-01-15 10:00", "2024-01-18 16:00", system="hvps"),
        outage("2024-01-16 10:00", "2024-01-16 16:00", bank="minsk-a", recovery=["0.1", "0.7"]),
        outage("2024-01-17 10:00", "2024-01-19 11:00", market="bcse"),
    ]
    changed = Scenario.model_validate({**scenario.model_dump(by_alias=True), "timeline": out})
    quiet, records = simulate(build_world(scenario)), simulate(build_world(changed))
    world = build_world(changed)
    assert_accounted(world, records)
    assert not any(seconds(quiet, "outage"))
    assert sum(seconds(records, "outage")) > 100 * HOUR
    # Who was credited before anything went out does not notice.
    early = quiet.credited_at < instant("2024-01-15 10:00")
    assert (by_reason(quiet)[early] == by_reason(records)[early]).all()


# Hours.


def hours_of(name: str, *timeline: dict[str, Any], days: str = "2024-06-01 2024-06-14") -> list[str]:
    """Sessions of `office` as local text."""
    since, until = days.split()
    declared = office_town(*timeline, period={"start": f"{since} 00:00", "end": f"{until} 00:00"})
    hours = Openings(declare(declared)).hours(name)
    inside = (hours.starts >= instant(f"{since} 00:00")) & (hours.starts < instant(f"{until} 00:00"))
    local = [
        (np.datetime64(int(one) + 3 * HOUR, "s").item(), np.datetime64(int(other) + 3 * HOUR, "s").item())
        for one, other in zip(hours.starts[inside], hours.ends[inside], strict=True)
    ]
    return [f"{one:%d %H:%M}-{other:%H:%M}" for one, other in local]


def test_hours_change_from_one_working_day_to_another() -> None:
    longer = {
        "kind": "hours",
        "hours": "office",
        "from": "2024-06-05 00:00",
        "to": "2024-06-07 00:00",
        "sessions": ["08:00-20:00"],
    }
    assert hours_of("office", longer, days="2024-06-03 2024-06-08") == [
        "03 09:00-17:00",
        "04 09:00-17:00",
        "05 08:00-20:00",
        "06 08:00-20:00",
        "07 09:00-17:00",
    ]


def test_hours_that_change_for_good_and_their_calendar() -> None:
    always = {"kind": "hours", "hours": "office", "from": "2024-06-08 00:00", "calendar": "always"}
    assert hours_of("office", always, days="2024-06-07 2024-06-11") == [
        "07 09:00-17:00",
        "08 09:00-17:00",
        "09 09:00-17:00",
        "10 09:00-17:00",
    ]


def test_a_service_day_is_a_working_day_of_its_hours_only() -> None:
    # 2 July 2024 is no holiday; 3 July is Independence Day in Belarus.
    service = {"kind": "service_days", "hours": ["office"], "days": ["2024-07-03"]}
    span = "2024-07-02 2024-07-05"
    assert hours_of("office", days=span) == ["02 09:00-17:00", "04 09:00-17:00"]
    assert hours_of("office", service, days=span) == ["02 09:00-17:00", "03 09:00-17:00", "04 09:00-17:00"]


def test_changed_hours_move_no_trade_and_no_rate() -> None:
    short = ["period.end=2024-02-01 00:00", "run_in=10d"]
    usual = load("baseline", short)
    entries = [
        {"kind": "hours", "hours": "belarus-office", "from": "2024-01-10 00:00", "sessions": ["08:00-20:00"]},
        {"kind": "service_days", "hours": ["china-office", "hvps"], "days": ["2024-01-06"]},
        outage("2024-01-15 10:00", "2024-01-18 16:00", bank="minsk-a"),
    ]
    changed = Scenario.model_validate({**usual.model_dump(by_alias=True), "timeline": entries})
    one, other = build_world(usual), build_world(changed)
    for column in type(one.obligations).__slots__:
        assert getattr(one.obligations, column).tobytes() == getattr(other.obligations, column).tobytes()
    assert one.fx.per_usd.tobytes() == other.fx.per_usd.tobytes()
    assert all(
        one.payments.draws[name].tobytes() == other.payments.draws[name].tobytes()
        for name in one.payments.draws
    )
    assert simulate(one).credited_at.tobytes() != simulate(other).credited_at.tobytes()


# Reviews.


def test_reviews_change_for_what_comes_to_a_bank_in_a_time() -> None:
    hour, three = ({"kind": "fixed", "value": value} for value in ("1h", "3h"))
    screen = {"kind": "screen", "at": "payee_bank", "probability": "0", "work": hour}
    stress = {
        "kind": "review",
        "from": "2024-03-05 10:00",
        "to": "2024-03-05 12:00",
        "bank": "b",
        "probability": "0.5",
        "work": three,
    }
    declared = town(
        {"a": "100", "b": "100"},
        routes={"direct": {"steps": [{"kind": "settle", "system": "gross"}, screen, POST]}},
        timeline=[stress],
    )
    # Every draw is 0, so whatever has a chance of review is reviewed.
    records = run(
        declared,
        Order("2024-03-05 09:59", "a", "b", 1),
        Order("2024-03-05 10:00", "a", "b", 1),
        Order("2024-03-05 11:00", "b", "a", 1),
        Order("2024-03-05 11:59", "a", "b", 1),
        Order("2024-03-05 12:00", "a", "b", 1),
    )
    found = [reasons(records, k) for k in range(5)]
    assert found == [{}, {"work": 3 * HOUR}, {}, {"work": 3 * HOUR}, {}]


def reviewing(world: World) -> NDArray[np.int64]:
    """Seconds of work of the first review of each payment, those of none 0."""
    records = simulate(world)
    found = np.zeros(len(world.payments), dtype=np.int64)
    mine = records.stays.place == list(PLACES).index("review")
    found[records.stays.payment[mine]] = records.stays.seconds[mine, list(REASONS).index("work")]
    return found


def test_more_reviews_are_those_of_before_and_further_ones() -> None:
    usual = load("baseline", ["period.end=2024-02-01 00:00", "run_in=10d", "horizon=20d"])
    stress = {"kind": "review", "from": "2024-01-10 00:00", "probability": "0.3"}
    changed = Scenario.model_validate({**usual.model_dump(by_alias=True), "timeline": [stress]})
    one, other = (reviewing(build_world(scenario)) for scenario in (usual, changed))
    # A review that begins at night costs hours under another cause first, but work is work.
    assert (other[one > 0] > 0).all()
    share = (other[len(other) // 2 :] > 0).mean()
    assert share == pytest.approx(0.3, abs=0.03)


# What is written, and what is refused.


def test_a_timeline_survives_being_written_and_read(tmp_path: Path) -> None:
    scenario = declare(
        office_town(outage("2024-03-05 10:00", "2024-03-05 16:00", system="gross", recovery=["0.25"]))
    )
    (tmp_path / "again.yaml").write_text(to_yaml(scenario))
    assert load(str(tmp_path / "again.yaml")) == scenario


@pytest.mark.parametrize(
    ("timeline", "complaint"),
    [
        ([outage("2024-03-05 10:00", "2024-03-05 09:00", system="gross")], "it ends before it starts"),
        (
            [outage("2024-03-05 10:00", "2024-03-05 09:00", system="gross", recovery=["0.5", "0.5"])],
            "it ends before it starts",
        ),
        ([outage("2024-03-12 10:00", "2024-03-13 10:00", system="gross")], "outside of the run"),
        ([outage("2024-02-05 10:00", "2024-03-01 10:00", system="gross")], "outside of the run"),
        (
            [{"kind": "service_days", "hours": ["office"], "days": ["2024-03-08", "2024-04-01"]}],
            "outside of the run",
        ),
        (
            [
                outage("2024-03-05 10:00", "2024-03-05 12:00", system="gross", recovery=["0.5"]),
                outage("2024-03-05 12:30", "2024-03-05 14:00", system="gross"),
            ],
            "whether 'gross' works is changed by entry 0 of the timeline at the same time",
        ),
        (
            [
                {"kind": "hours", "hours": "office", "from": "2024-03-05 00:00", "calendar": "always"},
                {"kind": "hours", "hours": "office", "from": "2024-03-06 00:00", "calendar": "weekdays"},
            ],
            "'office' is changed by entry 0",
        ),
    ],
)
def test_what_does_not_fit_is_refused(timeline: list[dict[str, Any]], complaint: str) -> None:
    scenario = Scenario.model_validate(office_town(*timeline))
    found = list(check(scenario))
    assert [finding.path[0] for finding in found] == ["timeline"]
    assert complaint in found[0].message


def test_mistakes_in_a_timeline_are_told_at_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "late.yaml"
    path.write_text(
        """name: late
extends: baseline
question: What?
timeline:
  - kind: outage
    system: hpvs
    from: 2024-06-18 10:00
  - {kind: outage, system: hvps, bank: minsk-a, from: 2024-06-18 10:00}
  - {kind: outage, system: hvps, from: 2024-06-18 10:00, recovery: [0.5]}
  - {kind: hours, hours: hvps, from: 2024-06-18 10:00, sessions: ["09:00-12:00"]}
  - {kind: hours, hours: hvps, from: 2024-06-18 00:00}
  - {kind: service_days, hours: [hvps], days: [2024-10-05, 2024-10-05]}
  - {kind: outag, system: hvps}
"""
    )
    with pytest.raises(ScenarioError) as caught:
        load(str(path))
    told = [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]
    kinds = told.pop()
    assert kinds.startswith("13:12: timeline.6.kind: kind 'outag' is unknown; one of ")
    assert kinds.endswith("did you mean 'outage'?")
    assert told == [
        "6:13: timeline.0.system: 'hpvs' is not declared under 'systems'; did you mean 'hvps'?",
        "8:40: timeline.1.bank: state one of 'system', 'bank', 'desk' and 'market'",
        "9:58: timeline.2.recovery: what does not end has no recovery",
        "10:38: timeline.3.from: hours change with a working day; state a date without a time",
        "11:5: timeline.4: state what changes: 'sessions', 'after_break', 'before_break' or 'calendar'",
        "12:41: timeline.5.days: 2024-10-05 is listed twice",
    ]
    path.write_text(
        """name: late
extends: baseline
question: What?
timeline:
  - {kind: outage, system: hvps, from: 2025-06-18 10:00}
  - {kind: outage, system: biss, from: 2024-06-18 10:00, to: 2024-06-18 10:00}
"""
    )
    with pytest.raises(ScenarioError) as caught:
        load(str(path))
    told = [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]
    assert told == [
        "5:40: timeline.0.from: it lies outside of the run, which goes from 2023-09-03 00:00 to 2025-03-02 00:00",
        "6:62: timeline.1.to: it ends before it starts",
    ]


def test_what_only_a_run_can_tell_of_a_timeline_is_told_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "late.yaml"
    lines = [
        "name: late",
        "extends: baseline",
        "timeline:",
        "  - {kind: rate_jump, at: 2024-06-20, currency: HKD, size: 0.2}",
        '  - {kind: hours, hours: biss, from: 2024-06-20, sessions: ["09:00-17:00", "10:00-11:00"]}',
    ]

    def told() -> list[str]:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        loaded = load_located(path)
        with pytest.raises(ScenarioError) as caught, loaded.placing():
            prepare(loaded.scenario)
        return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]

    overlap = "sessions '09:00-17:00' and '10:00-11:00' of the same day overlap"
    assert f"5:5: timeline.1: {overlap}" in told()
    lines.pop()
    assert told() == ["4:49: timeline.0.currency: nothing in this scenario is in HKD"]


def test_a_list_with_a_wrong_entry_is_not_said_to_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "late.yaml"
    path.write_text(
        "name: late\nextends: baseline\ntimeline:\n  - {kind: service_days, hours: [hvsp], days: []}\n",
        encoding="utf-8",
    )
    with pytest.raises(ScenarioError) as caught:
        load(path)
    told = [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]
    assert told == [
        "4:34: timeline.0.hours.0: 'hvsp' is not declared under 'hours'; did you mean 'hvps'?",
        "4:41: timeline.0.days: needs at least 1 entries, found 0",
    ]


# New kinds.


class Strike(Span):
    """A kind of entry that the simulator does not have: nobody works at a bank."""

    kind: Literal["strike"] = "strike"
    bank: str

    def about(self, scenario: Scenario) -> Iterator[tuple[tuple[str, ...], str]]:
        """See `Span`."""
        del scenario
        yield (self.kind, self.bank), f"whether {self.bank!r} works"


def struck() -> Scenario:
    """A town in which the bank a is on strike for an hour."""
    strike = Strike.model_validate({"bank": "a", "from": "2024-03-05 10:00", "to": "2024-03-05 11:00"})
    return declare(office_town()).model_copy(update={"timeline": (strike,)})


def test_a_new_kind_of_entry_needs_a_declaration_and_an_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    def effect(entry: Strike, scenario: Scenario, zone: ZoneInfo) -> Iterator[Gap]:
        del scenario
        yield Gap(("bank", entry.bank), *entry.span(zone))

    monkeypatch.setattr(timeline, "EFFECTS", {**timeline.EFFECTS, "strike": effect})

    network = build_world(struck()).network

    office = network.bank_hours[network.banks.index("a")]
    assert not office.is_open_at(instant("2024-03-05 10:59"))
    assert office.is_open_at(instant("2024-03-05 11:00"))


class Unheard(NamedTuple):
    """A kind of change that means nothing to the simulator."""


def test_a_change_for_which_nobody_asks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "EFFECTS", {**timeline.EFFECTS, "strike": lambda *_: [Unheard()]})

    with pytest.raises(TypeError, match="entry 0 of the timeline makes a Unheard, for which nobody"):
        build_world(struck())


def test_an_entry_without_an_effect_is_not_passed_over() -> None:
    with pytest.raises(KeyError, match="strike"):
        Openings(struck())
