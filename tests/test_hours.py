"""Opening hours: the Chinese systems as declared, clock changes, and a second-by-second reference."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core.calendars import WorkingDays, country_days, every_day, weekdays
from sim.core.clock import DAY, HOUR, MINUTE, NEVER, local_instant, local_instants
from sim.core.hours import OpeningHours, opening_hours, parse_session
from sim.core.rest import HOLIDAY, WEEKEND, WORKED, Rest

pytestmark = pytest.mark.quick

BEIJING, MINSK, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Minsk"), ZoneInfo("America/New_York")
CHINA = country_days("CN", date(2024, 1, 1), date(2024, 12, 31))
HVPS = opening_hours(CHINA, ["T-1 20:30-17:15"], BEIJING)
CIPS = opening_hours(CHINA, ["08:30-17:00", "17:00-08:00"], BEIJING, after_break=["04:30-08:30"])


def at(text: str, zone: ZoneInfo = BEIJING) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def instants(*texts: str) -> np.ndarray:
    return np.array([at(text) for text in texts])


def shown(instant: int, zone: ZoneInfo = BEIJING) -> str:
    return f"{datetime.fromtimestamp(instant, tz=UTC).astimezone(zone):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "opens", "closes"),
    [
        ("09:00-17:30", 9 * HOUR, 17 * HOUR + 30 * MINUTE),
        (" 09:00 - 17:30 ", 9 * HOUR, 17 * HOUR + 30 * MINUTE),
        ("T 09:00 - T 17:30", 9 * HOUR, 17 * HOUR + 30 * MINUTE),
        ("17:00-08:00", 17 * HOUR, 32 * HOUR),
        ("17:00-T+1 08:00", 17 * HOUR, 32 * HOUR),
        ("T-1 20:30-17:15", -3 * HOUR - 30 * MINUTE, 17 * HOUR + 15 * MINUTE),
        ("T-1 17:00 - T-1 20:00", -7 * HOUR, -4 * HOUR),
        ("T+1 01:00-T+1 02:00", 25 * HOUR, 26 * HOUR),
        ("00:00-24:00", 0, DAY),
        ("00:00-00:00", 0, DAY),
        ("09:00:30-09:00:45", 9 * HOUR + 30, 9 * HOUR + 45),
    ],
)
def test_session_texts(text: str, opens: int, closes: int) -> None:
    assert parse_session(text) == (opens, closes)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a session"),
        ("09:00", "not a session"),
        ("nine to five", "not a session"),
        ("T-2 09:00-17:00", "not a session"),
        ("T-1 09:00-17:00 later", "not a session"),
        ("25:00-26:00", "after 24:00"),
        ("09:00-24:01", "after 24:00"),
        ("09:60-17:00", "not a time"),
        ("9:00-17:00", "not a time"),
        ("24:00-09:00", "opens at 24:00"),
        ("T 17:00-T 16:00", "closes before it opens"),
        ("17:00-T-1 18:00", "closes before it opens"),
        ("T+1 09:00-17:00", "closes before it opens"),
    ],
)
def test_bad_session_texts_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_session(text)


def test_hvps_is_shut_from_1715_to_2030_and_then_counts_for_tomorrow() -> None:
    tuesday = instants("2024-06-18 17:14:59", "2024-06-18 17:15", "2024-06-18 17:20")
    assert HVPS.is_open(tuesday).tolist() == [True, False, False]
    assert shown(HVPS.next_open(tuesday)[2]) == "2024-06-18 20:30"
    assert HVPS.value_date(tuesday).tolist() == [date(2024, 6, 18), date(2024, 6, 19), date(2024, 6, 19)]


def test_hvps_waits_through_golden_week() -> None:
    missed = at("2024-09-30 17:20")
    assert shown(HVPS.opens_at(missed)) == "2024-10-07 20:30"
    assert HVPS.value_date(np.array([missed])).tolist() == [date(2024, 10, 8)]
    # One hour of work begun half an hour before the last closing is done half an hour after the opening.
    (done,) = HVPS.advance(instants("2024-09-30 16:45"), np.array([HOUR]))
    assert shown(done) == "2024-10-07 21:00"


def test_cips_takes_a_payment_of_the_minsk_afternoon_at_once() -> None:
    noon = at("2024-06-18 12:16", MINSK)
    assert shown(noon) == "2024-06-18 17:16"
    assert CIPS.is_open_at(noon)
    assert CIPS.opens_at(noon) == noon


def test_cips_rests_from_saturday_morning_to_monday_0430() -> None:
    friday = instants("2024-06-21 17:00")
    assert CIPS.open_seconds(friday, instants("2024-06-24 00:00"))[0] == 15 * HOUR
    assert CIPS.is_open(instants("2024-06-22 07:59:59", "2024-06-22 08:00")).tolist() == [True, False]
    assert shown(CIPS.opens_at(at("2024-06-22 08:00"))) == "2024-06-24 04:30"
    assert CIPS.value_date(instants("2024-06-22 08:00")).tolist() == [date(2024, 6, 24)]


def test_cips_opens_early_after_a_break_only() -> None:
    assert shown(CIPS.opens_at(at("2024-10-01 08:00"))) == "2024-10-08 04:30"
    # Saturday 12 October was worked: Friday's night runs into it as on any other day.
    assert shown(CIPS.opens_at(at("2024-10-12 08:00"))) == "2024-10-12 08:30"
    # Sunday 29 September was worked after a free Saturday.
    assert shown(CIPS.opens_at(at("2024-09-28 08:00"))) == "2024-09-29 04:30"
    assert shown(CIPS.opens_at(at("2024-09-30 08:00"))) == "2024-09-30 08:30"


def test_adjacent_sessions_stay_apart() -> None:
    handover = at("2024-06-18 17:00")
    assert handover in CIPS.starts
    assert handover in CIPS.ends
    assert CIPS.is_open_at(handover)
    assert CIPS.open_seconds(np.array([handover - HOUR]), np.array([handover + HOUR]))[0] == 2 * HOUR


def test_the_day_of_working_days_has_the_declared_length() -> None:
    ordinary = instants("2024-06-18 00:00"), instants("2024-06-19 00:00")
    assert CIPS.open_seconds(*ordinary)[0] == 23 * HOUR + 30 * MINUTE
    assert HVPS.open_seconds(*ordinary)[0] == 20 * HOUR + 45 * MINUTE


def test_work_that_ends_at_a_closing_ends_there() -> None:
    start = instants("2024-06-18 16:15")
    assert shown(HVPS.advance(start, np.array([HOUR]))[0]) == "2024-06-18 17:15"
    assert shown(HVPS.advance(start, np.array([HOUR + 60]))[0]) == "2024-06-18 20:31"
    assert shown(HVPS.advance(instants("2024-06-18 17:15"), np.array([0]))[0]) == "2024-06-18 20:30"


def test_a_clock_change_keeps_wall_clock_hours() -> None:
    days = every_day(date(2024, 3, 8), date(2024, 3, 12))
    fedwire = opening_hours(days, ["T-1 21:00-19:00"], NEW_YORK)
    assert [shown(start, NEW_YORK)[-5:] for start in fedwire.starts] == ["21:00"] * 5
    # Clocks went forward on 10 March: the session of that Sunday was an hour short.
    assert ((fedwire.ends - fedwire.starts) // HOUR).tolist() == [22, 22, 21, 22, 22]
    autumn = opening_hours(every_day(date(2024, 11, 2), date(2024, 11, 4)), ["00:00-24:00"], NEW_YORK)
    assert ((autumn.ends - autumn.starts) // HOUR).tolist() == [24, 25, 24]


def test_a_session_inside_the_skipped_hour_is_no_session() -> None:
    days = every_day(date(2024, 3, 9), date(2024, 3, 11))
    hours = opening_hours(days, ["02:30-03:00", "03:00-05:00"], NEW_YORK)
    assert ((hours.ends - hours.starts) // MINUTE).tolist() == [30, 120, 120, 30, 120]
    assert hours.value_dates.tolist()[2] == date(2024, 3, 10)


@pytest.mark.parametrize(
    ("zone", "sunday"), [("America/New_York", "2024-03-10"), ("Europe/Berlin", "2024-03-31")]
)
def test_a_session_that_begins_in_the_skipped_hour_begins_by_the_clock_before(zone: str, sunday: str) -> None:
    day = date.fromisoformat(sunday)
    hours = opening_hours(every_day(day, day), ["02:30-08:00"], ZoneInfo(zone))
    assert [shown(at, ZoneInfo(zone)) for at in (hours.starts[0], hours.ends[0])] == [
        f"{sunday} 03:30",
        f"{sunday} 08:00",
    ]


def test_zones_with_and_without_clock_changes_are_converted_alike() -> None:
    # Kyiv and Minsk kept the same time in the winter of 2009, but only one of these tables has a change.
    short = opening_hours(weekdays(date(2009, 1, 5), date(2009, 3, 1)), ["09:00-17:30"], MINSK)
    long = opening_hours(weekdays(date(2009, 1, 5), date(2009, 6, 1)), ["09:00-17:30"], MINSK)
    assert np.array_equal(short.starts, long.starts[: len(short.starts)])
    assert [shown(start, MINSK)[-5:] for start in long.starts] == ["09:00"] * len(long.starts)


@pytest.mark.parametrize("zone", [MINSK, NEW_YORK, ZoneInfo("Asia/Beirut")], ids=str)
def test_the_instants_of_many_days_are_those_of_each_of_them(zone: ZoneInfo) -> None:
    """In Beirut clocks skip midnight."""
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2025-01-01"))
    times = np.random.default_rng(1).integers(-DAY, 2 * DAY, len(days))
    each = zip(days.tolist(), times.tolist(), strict=True)
    assert local_instants(days, times, zone).tolist() == [
        local_instant(day, time, zone) for day, time in each
    ]
    midnights = [local_instant(day, 0, zone) for day in days.tolist()]
    assert local_instants(days, 0, zone).tolist() == midnights
    assert local_instants(days[:0], 0, zone).tolist() == []


def test_a_session_that_runs_into_the_next_day_gives_way() -> None:
    days = every_day(date(2024, 1, 1), date(2024, 1, 2))
    hours = opening_hours(days, ["07:00-09:00", "17:00-08:00"], BEIJING)
    assert [shown(end)[-11:] for end in hours.ends] == [
        "01-01 09:00",
        "01-02 07:00",
        "01-02 09:00",
        "01-03 08:00",
    ]
    assert hours.open_seconds(instants("2024-01-01 00:00"), instants("2024-01-04 00:00"))[0] == 33 * HOUR


def test_sessions_before_a_break_are_those_of_its_last_working_day() -> None:
    """HVPS pays for funding until 8:30 on the first day of each weekend and holiday, and at their end as always."""
    paying = opening_hours(CHINA, ["T-1 20:30-17:15"], BEIJING, before_break=["20:30-08:30"])
    weekend = [(shown(one), shown(two)) for one, two in zip(paying.starts, paying.ends, strict=True)]
    found = [times for times in weekend if "2024-03-01" <= times[0] < "2024-03-04"]
    assert found == [("2024-03-01 20:30", "2024-03-02 08:30"), ("2024-03-03 20:30", "2024-03-04 17:15")]
    # Saturday 28 and Sunday 29 September: the second is worked, 1 to 7 October are the holiday.
    autumn = [times for times in weekend if "2024-09-27" <= times[0] < "2024-10-08"]
    assert [times for times in autumn if times[1].endswith("08:30")] == [
        ("2024-09-27 20:30", "2024-09-28 08:30"),
        ("2024-09-30 20:30", "2024-10-01 08:30"),
    ]
    days = paying.value_dates[paying.ends == at("2024-03-02 08:30")]
    assert days.astype(str).tolist() == ["2024-03-01"]


def test_a_session_after_or_before_a_break_makes_the_one_that_it_meets_longer() -> None:
    """The day session of CIPS begins at 4:30 on the first working day, and nothing ends there at 8:30."""
    begun = [(shown(one), shown(two)) for one, two in zip(CIPS.starts, CIPS.ends, strict=True)]
    assert [times for times in begun if times[0].startswith(("2024-03-04", "2024-03-05"))] == [
        ("2024-03-04 04:30", "2024-03-04 17:00"),
        ("2024-03-04 17:00", "2024-03-05 08:00"),
        ("2024-03-05 08:30", "2024-03-05 17:00"),
        ("2024-03-05 17:00", "2024-03-06 08:00"),
    ]
    late = opening_hours(CHINA, ["09:00-17:00"], BEIJING, ["07:00-09:00"], ["17:00-19:00"])
    days = [(shown(one), shown(two)) for one, two in zip(late.starts, late.ends, strict=True)]
    assert days[days.index(("2024-03-04 07:00", "2024-03-04 17:00")) - 1] == (
        "2024-03-01 09:00",
        "2024-03-01 19:00",
    )


@pytest.mark.parametrize(
    ("sessions", "after_break"),
    [
        (["09:00-12:00", "11:59-17:00"], []),
        (["17:00-08:00", "T+1 07:00-T+1 09:00"], []),
        (["09:00-17:00", "09:00-17:00"], []),
        (["08:30-17:00"], ["04:30-08:31"]),
    ],
)
def test_overlapping_sessions_of_one_day_are_refused(sessions: list[str], after_break: list[str]) -> None:
    with pytest.raises(ValueError, match="overlap"):
        opening_hours(CHINA, sessions, BEIJING, after_break)


def test_a_facility_without_sessions_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one session"):
        opening_hours(CHINA, [], BEIJING)


def test_disordered_tables_are_refused() -> None:
    day = np.array(["2024-01-01", "2024-01-01"], dtype="datetime64[D]")
    with pytest.raises(ValueError, match="free of overlaps"):
        OpeningHours(np.array([0, 5]), np.array([6, 9]), day)
    with pytest.raises(ValueError, match="not empty"):
        OpeningHours(np.array([0, 5]), np.array([0, 9]), day)
    with pytest.raises(ValueError, match="value date"):
        OpeningHours(np.array([0, 5]), np.array([4, 9]), day[:1])


def test_after_the_last_session_nothing_opens() -> None:
    late = np.array([at("2025-01-02 00:00"), NEVER])
    assert HVPS.next_open(late).tolist() == [NEVER, NEVER]
    assert HVPS.advance(late, np.array([0, 1])).tolist() == [NEVER, NEVER]
    assert HVPS.is_open(late).tolist() == [False, False]
    assert np.isnat(HVPS.value_date(late)).all()
    assert HVPS.opens_at(NEVER) == NEVER
    assert not HVPS.is_open_at(NEVER)
    assert HVPS.advance(instants("2024-01-02 09:00"), np.array([366 * DAY])).tolist() == [NEVER]


def test_no_working_day_means_no_session() -> None:
    idle = opening_hours(WorkingDays(date(2024, 1, 1), np.zeros(5)), ["09:00-17:00"], BEIJING)
    assert idle.opens_at(0) == NEVER
    assert idle.next_open(np.array([0])).tolist() == [NEVER]
    assert idle.open_seconds(np.array([0]), np.array([NEVER])).tolist() == [0]
    assert idle.advance(np.array([0, 0]), np.array([0, 1])).tolist() == [NEVER, NEVER]


def test_some_places_never_close() -> None:
    always = OpeningHours(np.array([-NEVER]), np.array([NEVER]), np.array([np.datetime64("NaT", "D")]))
    times = np.array([0, at("2024-12-25 03:00"), NEVER])
    assert always.next_open(times).tolist() == times.tolist()
    assert always.is_open(times).tolist() == [True, True, False]
    assert always.advance(times, np.array([5, 7, 9])).tolist() == [5, times[1] + 7, NEVER]
    assert always.advance(times, np.array([NEVER] * 3)).tolist() == [NEVER] * 3
    assert always.open_seconds(times[:2], times[1:]).tolist() == np.diff(times).tolist()
    assert np.isnat(always.value_date(times)).all()
    assert always.opens_at(42) == 42
    assert always.is_open_at(42)


def test_time_and_work_run_forwards() -> None:
    with pytest.raises(ValueError, match="must not lie after"):
        HVPS.open_seconds(np.array([0, 2]), np.array([1, 1]))
    with pytest.raises(ValueError, match="negative"):
        HVPS.advance(np.array([0]), np.array([-1]))


@st.composite
def tables(draw: st.DrawFn) -> OpeningHours:
    """Up to six sessions within a few hundred seconds, adjacent ones among them."""
    lengths = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=6))
    edges = np.cumsum([step for pair in lengths for step in pair], dtype=np.int64)
    dates = np.datetime64("2024-01-01") + np.arange(len(lengths))
    return OpeningHours(edges[0::2], edges[1::2], dates)


moments = st.integers(-10, 400)


def open_instants(hours: OpeningHours) -> list[int]:
    """Every second that lies in a session, counted out."""
    return [second for a, b in zip(hours.starts, hours.ends, strict=True) for second in range(a, b)]


@given(tables(), st.lists(moments, min_size=1))
def test_the_next_open_instant_is_the_first_one_counted_out(hours: OpeningHours, times: list[int]) -> None:
    seconds = open_instants(hours)
    expected = [min((s for s in seconds if s >= time), default=NEVER) for time in times]
    assert hours.next_open(np.array(times)).tolist() == expected
    assert hours.is_open(np.array(times)).tolist() == [time in seconds for time in times]
    days = [
        day
        for day, a, b in zip(hours.value_dates.tolist(), hours.starts, hours.ends, strict=True)
        for _ in range(a, b)
    ]
    named = [days[seconds.index(instant)] if instant != NEVER else None for instant in expected]
    assert hours.value_date(np.array(times)).tolist() == named


@given(tables(), st.lists(moments, min_size=1))
def test_one_instant_and_many_get_the_same_answer(hours: OpeningHours, times: list[int]) -> None:
    times = [*times, NEVER]
    assert [hours.opens_at(time) for time in times] == hours.next_open(np.array(times)).tolist()
    assert [hours.is_open_at(time) for time in times] == hours.is_open(np.array(times)).tolist()


@given(tables(), st.lists(moments, min_size=3, max_size=3).map(sorted))
def test_open_seconds_add_up(hours: OpeningHours, times: list[int]) -> None:
    a, b, c = (np.array([time]) for time in times)
    assert hours.open_seconds(a, c) == hours.open_seconds(a, b) + hours.open_seconds(b, c)
    assert hours.open_seconds(a, c)[0] == sum(
        times[0] <= second < times[2] for second in open_instants(hours)
    )


@given(
    tables(),
    st.lists(st.tuples(st.integers(1, 90), st.sampled_from([WORKED, WEEKEND, HOLIDAY])), max_size=6),
    st.lists(moments, min_size=2, max_size=2).map(sorted),
)
def test_shut_seconds_are_counted_by_the_kind_of_day(
    hours: OpeningHours, days: list[tuple[int, int]], times: list[int]
) -> None:
    since = np.cumsum([length for length, _ in days], dtype=np.int64)
    kinds = np.array([kind for _, kind in days], dtype=np.int64)
    resting = replace(hours, rest=Rest(since, kinds))
    counted, is_open = [0, 0, 0, 0], {*open_instants(hours)}
    for second in range(*times):
        begun = [kind for start, kind in zip(since.tolist(), kinds.tolist(), strict=True) if start <= second]
        kind = begun[-1] if begun else kinds.tolist()[0] if days else WORKED
        counted[0 if second in is_open else 1 + kind] += 1
    assert resting.split(np.array(times[:1]), np.array(times[1:])).tolist() == [counted]


@given(tables(), moments, st.integers(1, 200))
def test_work_is_done_with_its_last_open_second(hours: OpeningHours, time: int, work: int) -> None:
    ahead = [second for second in open_instants(hours) if second >= time]
    expected = ahead[work - 1] + 1 if work <= len(ahead) else NEVER
    assert hours.advance(np.array([time]), np.array([work])).tolist() == [expected]


@given(tables(), moments, st.integers(0, 200))
def test_advancing_takes_exactly_the_open_seconds_asked_for(
    hours: OpeningHours, time: int, work: int
) -> None:
    begun, done = hours.next_open(np.array([time])), hours.advance(np.array([time]), np.array([work]))
    if done[0] != NEVER:
        assert hours.open_seconds(begun, done).tolist() == [work]


@given(st.sets(st.integers(0, 47), min_size=2, max_size=2).map(sorted))
def test_outages_one_after_the_other_are_as_both_at_once_and_hide_no_schedule(begins: list[int]) -> None:
    start = at("2024-03-05 00:00")
    gaps = [(start + begin * HOUR, start + begin * HOUR + HOUR) for begin in begins]
    in_turn = CIPS.without(gaps[:1]).without(gaps[1:])
    together = CIPS.without(gaps)
    assert in_turn.starts.tolist() == together.starts.tolist()
    assert in_turn.ends.tolist() == together.ends.tolist()
    assert in_turn.scheduled is together.scheduled is CIPS
