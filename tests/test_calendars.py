"""Working days: two countries' decrees, their joint days, and arithmetic on them."""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.core.calendars import (
    WorkingDays,
    amended,
    close_codes,
    country_days,
    difference_from_weekdays,
    every_day,
    from_exceptions,
    is_of_banks,
    joint,
    meaning,
    weekdays,
)

NEW_YEAR, NEW_YEARS_EVE = date(2024, 1, 1), date(2024, 12, 31)

#: Moved working days of Belarus: year -> (days off, Saturdays worked). They follow the yearly resolutions
#: of its Council of Ministers as the press reported them: No. 976 (for 2016), 903 (2018), 906 (2019),
#: 635 (2021), 572 (2022), 739 (2023), 814 (2024), 839 (2025) and 397 (2026).
BELARUS_MOVED = {
    2016: (["01-08", "03-07"], ["01-16", "03-05"]),
    2017: (["01-02", "04-24", "05-08", "11-06"], ["01-21", "04-29", "05-06", "11-04"]),
    2018: (
        ["01-02", "03-09", "04-16", "04-30", "07-02", "12-24", "12-31"],
        ["01-20", "03-03", "04-14", "04-28", "07-07", "12-22", "12-29"],
    ),
    2019: (["05-06", "05-08", "11-08"], ["05-04", "05-11", "11-16"]),
    2020: (["01-06", "04-27"], ["01-04", "04-04"]),
    2021: (["01-08", "05-10"], ["01-16", "05-15"]),
    2022: (["03-07", "05-02"], ["03-12", "05-14"]),
    2023: (["04-24", "05-08", "11-06"], ["04-29", "05-13", "11-11"]),
    2024: (["05-13", "11-08"], ["05-18", "11-16"]),
    2025: (["01-06", "04-28", "07-04", "12-26"], ["01-11", "04-26", "07-12", "12-20"]),
    2026: (["04-20"], ["04-25"]),
}
#: Radunitsa, the second Tuesday after Orthodox Easter.
RADUNITSA = {
    2016: "05-10", 2017: "04-25", 2018: "04-17", 2019: "05-07", 2020: "04-28", 2021: "05-11",
    2022: "05-03", 2023: "04-25", 2024: "05-14", 2025: "04-29", 2026: "04-21",
}  # fmt: skip


def year_of(country: str, year: int = 2024) -> WorkingDays:
    return country_days(country, date(year, 1, 1), date(year, 12, 31))


def array(*days: date) -> np.ndarray:
    return np.array(days, dtype="datetime64[D]")


def month_days(days: list[date]) -> list[str]:
    return [f"{day:%m-%d}" for day in days]


@pytest.mark.parametrize(
    ("country", "expected"),
    [("BY", 253), ("CN", 251), ("RU", 248), ("HK", 247), ("XSHG", 242), ("TARGET2", 256), ("NYSE", 252)],
)
def test_working_days_of_2024(country: str, expected: int) -> None:
    assert year_of(country).count(NEW_YEAR, NEW_YEARS_EVE) == expected


def test_belarus_and_china_share_234_working_days_in_2024() -> None:
    both = joint(year_of("BY"), year_of("CN"))
    assert both.count(NEW_YEAR, NEW_YEARS_EVE) == 234
    assert joint(both, year_of("RU")).count(NEW_YEAR, NEW_YEARS_EVE) == 222


def test_saturdays_and_sundays_worked_in_2024() -> None:
    assert month_days(difference_from_weekdays(year_of("BY"))[1]) == ["05-18", "11-16"]
    assert month_days(difference_from_weekdays(year_of("CN"))[1]) == [
        "02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12",
    ]  # fmt: skip


def test_the_long_gaps_between_joint_days_of_2024() -> None:
    dates = joint(year_of("BY"), year_of("CN")).dates()
    (wide,) = np.nonzero(np.diff(dates) > np.timedelta64(4, "D"))
    gaps = [(f"{dates[i].item():%m-%d}", f"{dates[i + 1].item():%m-%d}") for i in wide]
    assert gaps == [
        ("02-09", "02-19"),
        ("04-03", "04-08"),
        ("04-30", "05-06"),
        ("05-10", "05-15"),
        ("09-13", "09-18"),
        ("09-30", "10-08"),
        ("11-06", "11-11"),
    ]


@pytest.mark.parametrize("year", BELARUS_MOVED)
def test_belarus_follows_its_holidays_and_decrees(year: int) -> None:
    moved_off, moved_on = BELARUS_MOVED[year]
    fixed = ["01-01", "01-07", "03-08", "05-01", "05-09", "07-03", "11-07", "12-25", RADUNITSA[year]]
    if year >= 2020:
        fixed.append("01-02")
    on_weekdays = [day for day in fixed if date.fromisoformat(f"{year}-{day}").weekday() < 5]
    closed, opened = difference_from_weekdays(year_of("BY", year))
    assert month_days(closed) == sorted(on_weekdays + moved_off)
    assert month_days(opened) == moved_on


@pytest.mark.parametrize("year", range(2016, 2027))
def test_china_agrees_with_an_independent_package(year: int) -> None:
    days = year_of("CN", year)
    span = [days.first + timedelta(days=ahead) for ahead in range(len(days.flags))]
    differing = [
        day for day, flag in zip(span, days.flags, strict=True) if chinese_calendar.is_workday(day) != flag
    ]
    assert differing == []


def test_hong_kong_banks_rest_on_saturdays_and_general_holidays() -> None:
    days = year_of("HK")
    assert not difference_from_weekdays(days)[1]
    assert not days.is_working(array(date(2024, 3, 29), date(2024, 4, 1))).any()  # Good Friday, Easter Monday


#: Fridays before a holiday on a Saturday, on which federal offices were shut and the Federal Reserve Banks were not.
FRIDAYS_OF_THE_FED = [date(2021, 12, 24), date(2021, 12, 31), date(2023, 11, 10), date(2026, 7, 3)]


@pytest.mark.parametrize("country", ["FED", "US"])
def test_american_banks_keep_the_days_of_the_federal_reserve(country: str) -> None:
    for friday in FRIDAYS_OF_THE_FED:
        assert year_of(country, friday.year).is_working(array(friday)).all()
    # Of holidays on a Sunday the Monday is off, and Thanksgiving is a Thursday.
    assert not year_of(country, 2023).is_working(array(date(2023, 1, 2), date(2023, 11, 23))).any()


@pytest.mark.parametrize(
    ("country", "shut", "open_"),
    [
        ("BE", ["03-29", "05-10", "12-26"], ["12-24"]),
        ("AT", ["03-29", "12-24", "12-31"], ["12-23"]),
        ("GB", ["04-01", "08-26"], ["08-05"]),
        ("JP", ["01-02", "12-31"], ["12-24"]),
        ("SE", ["06-21", "12-24"], ["03-28", "04-30"]),
        ("LU", ["03-29"], ["12-24"]),
    ],
)
def test_banks_are_shut_on_their_own_holidays_and_open_on_half_ones(
    country: str, shut: list[str], open_: list[str]
) -> None:
    days = year_of(country)
    assert not days.is_working(array(*(date.fromisoformat(f"2024-{day}") for day in shut))).any()
    assert days.is_working(array(*(date.fromisoformat(f"2024-{day}") for day in open_))).all()


@pytest.mark.parametrize(
    ("country", "told", "of_banks"),
    [
        ("BY", "days on which banks work in Belarus", True),
        ("ECB", "working days of European Central Bank (XECB)", True),
        ("US", "working days of Federal Reserve (XFED)", True),
        ("BE", "weekdays without public or bank holidays of Belgium", True),
        (
            "DE",
            "weekdays without nationwide public holidays of Germany; its banks may keep other days",
            False,
        ),
    ],
)
def test_a_calendar_says_what_its_days_are(country: str, told: str, of_banks: bool) -> None:
    assert (meaning(country), is_of_banks(country)) == (told, of_banks)


def test_a_market_does_not_trade_on_working_weekends() -> None:
    assert not difference_from_weekdays(year_of("XSHG"))[1]


def test_days_without_a_decree_are_provisional() -> None:
    assert year_of("CN").provisional_from is None
    far = country_days("CN", date(2024, 1, 1), date(2060, 12, 31))
    assert far.provisional_from is not None
    assert (far.provisional_from.month, far.provisional_from.day) == (1, 1)
    before = country_days("CN", far.provisional_from - timedelta(days=366), far.provisional_from)
    _, opened = difference_from_weekdays(before)
    assert opened
    assert before.provisional_from == far.provisional_from
    assert not [day for day in difference_from_weekdays(far)[1] if day >= far.provisional_from]


def test_only_places_that_move_working_days_are_provisional() -> None:
    assert country_days("US", NEW_YEAR, date(2060, 12, 31)).provisional_from is None
    early = WorkingDays(NEW_YEAR, np.ones(366), date(2024, 6, 1))
    assert joint(every_day(NEW_YEAR, NEW_YEARS_EVE), early).provisional_from == date(2024, 6, 1)
    assert joint(every_day(NEW_YEAR, date(2024, 6, 1)), early).provisional_from == date(2024, 6, 1)
    assert joint(every_day(NEW_YEAR, date(2024, 5, 31)), early).provisional_from is None


def test_one_place_has_one_calendar_under_all_its_codes() -> None:
    assert np.array_equal(year_of("BY").flags, year_of("BLR").flags)
    assert np.array_equal(year_of("HK").flags, year_of("HKG").flags)
    assert np.array_equal(year_of("ECB").flags, year_of("TARGET2").flags)


@pytest.mark.parametrize(
    ("text", "meant"), [("Belarus", "BY"), ("cn", "CN"), ("NYS", "NYSE"), ("EBC", "ECB")]
)
def test_an_unknown_country_brings_a_suggestion(text: str, meant: str) -> None:
    assert meant in close_codes(text)
    with pytest.raises(ValueError, match=f"did you mean .*'{meant}'"):
        year_of(text)


def test_a_country_like_no_other_brings_none() -> None:
    assert close_codes("xyzzyq") == []
    with pytest.raises(ValueError, match="ISO 3166"):
        year_of("xyzzyq")


def test_years_unknown_to_the_package_are_refused() -> None:
    with pytest.raises(ValueError, match="from 1991"):
        country_days("BY", date(1980, 1, 1), date(2024, 1, 1))


def test_a_day_is_followed_by_itself_or_the_next_working_day() -> None:
    china = year_of("CN")
    asked = array(date(2024, 9, 30), date(2024, 10, 1), date(2024, 10, 12), date(2024, 10, 13))
    expected = array(date(2024, 9, 30), date(2024, 10, 8), date(2024, 10, 12), date(2024, 10, 14))
    assert np.array_equal(china.following(asked), expected)
    assert china.following(asked.reshape(2, 2)).shape == (2, 2)


def test_working_days_are_added_across_a_holiday() -> None:
    china = year_of("CN")
    start = array(date(2024, 9, 30), date(2024, 10, 1))
    assert np.array_equal(china.add(start, 1), array(date(2024, 10, 8), date(2024, 10, 9)))
    assert np.array_equal(china.add(start, np.array([0, 4])), array(date(2024, 9, 30), date(2024, 10, 12)))


def test_questions_beyond_the_table_are_refused() -> None:
    days = weekdays(NEW_YEAR, date(2024, 1, 7))
    with pytest.raises(ValueError, match="2024-01-08 lies outside"):
        days.is_working(array(date(2024, 1, 5), date(2024, 1, 8)))
    with pytest.raises(ValueError, match="2023-12-31 lies outside"):
        days.count(date(2023, 12, 31), date(2024, 1, 2))
    with pytest.raises(ValueError, match="NaT lies outside"):
        days.following(np.array(["NaT"], dtype="datetime64[D]"))
    with pytest.raises(ValueError, match="after 2024-01-07"):
        days.following(array(date(2024, 1, 6)))
    with pytest.raises(ValueError, match="after 2024-01-07"):
        days.add(array(date(2024, 1, 5)), 1)


def test_arguments_that_make_no_sense_are_refused() -> None:
    days = weekdays(NEW_YEAR, NEW_YEARS_EVE)
    with pytest.raises(ValueError, match="forwards"):
        days.add(array(NEW_YEAR), -1)
    with pytest.raises(ValueError, match="back to"):
        days.count(NEW_YEARS_EVE, NEW_YEAR)
    with pytest.raises(ValueError, match="back to"):
        weekdays(NEW_YEARS_EVE, NEW_YEAR)
    with pytest.raises(ValueError, match="at least one day"):
        WorkingDays(NEW_YEAR, np.array([], dtype=bool))
    with pytest.raises(ValueError, match="at least one calendar"):
        joint()
    with pytest.raises(ValueError, match="back to"):
        joint(days, weekdays(date(2026, 1, 1), date(2026, 2, 1)))


def test_flags_are_copied_and_cannot_be_changed() -> None:
    flags = np.ones(3, dtype=bool)
    days = WorkingDays(NEW_YEAR, flags)
    flags[0] = False
    assert days.flags.all()
    with pytest.raises(ValueError, match="read-only"):
        days.flags[0] = False


def test_a_scenario_closes_and_opens_days_whatever_the_country_says() -> None:
    saturday, holiday, weekday = date(2024, 11, 16), date(2024, 7, 3), date(2024, 7, 4)
    days = amended(year_of("BY"), closed=[saturday, weekday, date(2030, 1, 1)], opened=[holiday])
    assert days.is_working(array(saturday, holiday, weekday)).tolist() == [False, True, False]
    assert days.count(NEW_YEAR, NEW_YEARS_EVE) == 252
    with pytest.raises(ValueError, match="2024-07-03 is declared closed and opened"):
        amended(days, closed=[holiday], opened=[holiday])


def test_exceptions_of_the_wrong_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="no weekday"):
        from_exceptions(NEW_YEAR, NEW_YEARS_EVE, [date(2024, 1, 6)], [])
    with pytest.raises(ValueError, match="no weekend day"):
        from_exceptions(NEW_YEAR, NEW_YEARS_EVE, [], [date(2024, 1, 5)])


tables = st.builds(
    WorkingDays,
    st.dates(date(1990, 1, 1), date(2040, 1, 1)),
    st.lists(st.booleans(), min_size=1, max_size=60).map(np.array),
    st.none() | st.dates(),
)


@given(tables)
def test_exceptions_rebuild_the_table(days: WorkingDays) -> None:
    again = from_exceptions(days.first, days.last, *difference_from_weekdays(days), days.provisional_from)
    assert (again.first, again.last, again.provisional_from) == (days.first, days.last, days.provisional_from)
    assert np.array_equal(again.flags, days.flags)


@given(tables, st.data())
def test_arithmetic_agrees_with_walking_day_by_day(days: WorkingDays, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(days.flags) - 1))
    n = data.draw(st.integers(0, 5))
    start = days.first + timedelta(days=position)
    ahead = [days.first + timedelta(days=i) for i in range(position, len(days.flags)) if days.flags[i]]
    assert days.count(start, days.last) == len(ahead)
    if n < len(ahead):
        assert days.add(array(start), n).tolist() == [ahead[n]]
    else:
        with pytest.raises(ValueError, match="end of the calendar"):
            days.add(array(start), n)
    assert days.dates().tolist()[len(days.dates()) - len(ahead) :] == ahead
