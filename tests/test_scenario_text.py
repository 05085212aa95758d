"""What a scenario's text says of times, numbers and places is taken as it stands, or refused in plain words."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from sim.core.clock import exact_instant, from_instant, parse_duration
from sim.core.currency import MINOR_DIGITS, why_not_a_currency
from sim.errors import ScenarioError
from sim.scenario.load import load
from sim.scenario.model.base import Amount, Currency, Day, Duration, Instant, Truth, Whole
from sim.scenario.model.settlement import TimeOfDay
from sim.scenario.model.timing import Country, Session, Zone

SMALL = """\
name: small
period: {start: 2024-03-04, end: 2024-03-09, zone: Europe/Berlin}
calendars:
  banks: {country: BY}
hours:
  day: {zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: banks}
systems:
  s: {kind: rtgs, currency: CNY, hours: day}
accounts:
  - {system: s, holder: a, balance: 100}
  - {system: s, holder: b}
payments: {file: none.csv, system: s}
"""


def refusal(text: str, *overrides: str) -> list[str]:
    Path("none.csv").touch()
    Path("small.yaml").write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load("small.yaml", overrides)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.1h", 3_960), ("1.4d", 120_960), ("0.1min 0.9min", 60), ("36525d", 3_155_760_000)],
)
def test_a_duration_is_exact(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        (Duration, "1.0001h", "not a whole number of seconds"),
        (Duration, "9999999d", "longer than 36,525 days"),
        (Duration, "1" * 400 + "d", "too many digits"),
        (Duration, "٣h", "write digits as 0 to 9"),
        (TimeOfDay, "10:30+05:00", "has an offset"),
        (TimeOfDay, "10:30Z", "has an offset"),
        (TimeOfDay, "10:30:00.5", "has a fraction of a second"),
        (TimeOfDay, "１０:30", "write digits as 0 to 9"),
        (TimeOfDay, "24:00", "not a time of day"),
        (TimeOfDay, "10", "not a time of day"),
        (Session, "٠٩:00-17:00", "write digits as 0 to 9"),
        (Instant, "2024-03-04 09:00:00.25", "has a fraction of a second"),
        (Instant, "2024-03-04T٠٩:00", "write digits as 0 to 9"),
        (Instant, "2024-02-30", "does not exist"),
        (Instant, "9990-01-01", "not between 1900 and 2100"),
        (Instant, "0001-01-01 00:00", "not between 1900 and 2100"),
        (Instant, 20240304, "valid datetime"),
        (Day, "2024-03-04 09:00", "valid date"),
        (Day, 0, "valid date"),
        (Day, "9999-12-31", "not between 1900 and 2100"),
        (Zone, "localtime", "not a time zone"),
        (Zone, "posixrules", "not a time zone"),
        (Zone, "Factory", "not a time zone"),
        (Zone, "../Europe/Minsk", "not a time zone"),
        (Zone, "/etc/localtime", "not a time zone"),
        (Zone, "Europe", "not a time zone"),
        (Amount, "٣", "write digits as 0 to 9"),
        (Amount, "five", "decimal"),
        (Amount, True, "not a truth value"),
        (Whole, True, "valid integer"),
        (Whole, "٣", "write digits as 0 to 9"),
        (Truth, "yes", "valid boolean"),
        (Truth, 1, "valid boolean"),
        (Country, "Chinna", "no calendar known"),
        (Currency, "BGN", "any more"),
    ],
)
def test_what_would_be_lost_is_refused(kind: Any, value: object, complaint: str) -> None:  # noqa: ANN401
    with pytest.raises(ValidationError, match=complaint):
        TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        (TimeOfDay, "10:30:15", "10:30:15"),
        (Instant, "2024-03-04T09:00", datetime(2024, 3, 4, 9)),  # noqa: DTZ001 - local
        (Instant, "2024-03-04 09:00 +05:00", datetime.fromisoformat("2024-03-04T09:00+05:00")),
        (Amount, "5.50", Decimal("5.50")),
        (Whole, Decimal("1e3"), 1_000),
        (Zone, "UTC", "UTC"),
    ],
)
def test_what_is_plain_is_read(kind: Any, value: object, read: object) -> None:  # noqa: ANN401
    assert TypeAdapter(kind).validate_python(value) == read


@pytest.mark.parametrize(
    ("zone", "local", "complaint"),
    [
        ("Europe/Berlin", "2024-03-31 02:30", "clocks go from 2024-03-31 02:00 to 2024-03-31 03:00"),
        ("Australia/Lord_Howe", "2024-10-06 02:15", "clocks go from 2024-10-06 02:00 to 2024-10-06 02:30"),
        ("Pacific/Apia", "2011-12-30", "clocks go from 2011-12-30 00:00 to 2011-12-31 00:00"),
        ("America/New_York", "2024-11-03 01:30", r"comes twice .* -04:00 or -05:00"),
    ],
)
def test_a_local_time_that_clocks_skip_or_repeat_is_told(zone: str, local: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        exact_instant(datetime.fromisoformat(local), ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "local", "told"),
    [
        ("America/Sao_Paulo", "2018-11-04", "01:00-02:00"),  # this day began at 01:00
        ("America/Havana", "2024-11-03", "00:00-04:00"),  # this one had two midnights
        ("America/New_York", "2024-11-03 01:30-05:00", "01:30-05:00"),
    ],
)
def test_midnight_is_the_beginning_of_its_day_and_an_offset_tells_two_times_apart(
    zone: str, local: str, told: str
) -> None:
    at = exact_instant(datetime.fromisoformat(local), ZoneInfo(zone))
    assert from_instant(at, ZoneInfo(zone)).isoformat(timespec="minutes").partition("T")[2] == told


def test_every_active_code_has_its_digits_and_every_withdrawn_one_a_successor() -> None:
    assert [MINOR_DIGITS[code] for code in ("EGP", "KWD", "UGX", "CLF", "XOF", "ZWG")] == [2, 3, 0, 4, 0, 2]
    meant = {
        code: (why_not_a_currency(code) or ("", ""))[1] for code in ("BYR", "RUR", "HRK", "ANG", "RMB", "usd")
    }
    assert list(meant.values()) == ["BYN", "RUB", "EUR", "XCG", "CNY", "USD"]


def test_what_is_wrong_in_one_part_hides_nothing_in_another(folder: Path) -> None:
    assert folder == Path.cwd()
    text = SMALL.replace("zone: Europe/Berlin", "zone: Mars").replace("country: BY", "country: Chinna")
    text = text.replace("holder: b", "holder: a").replace("period:", "seed: 1e400\nperiod:")
    assert [line.partition(" ")[0] for line in refusal(text)] == [
        "small.yaml:2:7:",
        "small.yaml:3:52:",
        "small.yaml:5:20:",
        "small.yaml:12:25:",
    ]


def test_the_gap_of_a_period_or_of_the_timeline_is_named_with_all_else(folder: Path) -> None:
    assert folder == Path.cwd()
    entry = 'timeline: [{kind: liquidity, holder: a, system: s, amount: 5, at: "2024-03-31 02:30"}]\n'
    text = SMALL.replace("end: 2024-03-09", "end: 2024-04-09") + entry
    gap = "2024-03-31 02:30 does not exist in Europe/Berlin: clocks go from 2024-03-31 02:00 to 2024-03-31 03:00"
    assert refusal(text)[-1].endswith(f"timeline.0.at: {gap}")
    assert refusal(SMALL, "period.end=2024-03-31 02:30")[0].endswith(f"period.end: {gap}")


@pytest.mark.parametrize("override", ["run_in=36500d", "horizon=36500d"])
def test_a_run_beyond_the_years_of_calendars_is_refused(override: str, folder: Path) -> None:
    assert folder == Path.cwd()
    refused = refusal(SMALL.replace("start: 2024", "start: 1990"), override)
    assert any("known from 1900 to 2100" in line for line in refused)


#: Whatever stands in place of a value, it is refused in its place: no exception of another kind.
ODD = [
    "[]",
    "{}",
    "true",
    "-1",
    '""',
    '"\\0"',
    "9" * 500,
    "[[[]]]",
    "{a: {}}",
    "{kind: []}",
    "{kind: {}}",
    "1e30",
]
PLACES = [
    *(
        "name",
        "period",
        "period.zone",
        "period.end",
        "calendars",
        "calendars.banks.country",
        "hours.day.sessions",
    ),
    *(
        "hours.day.calendar",
        "systems",
        "systems.s",
        "systems.s.kind",
        "systems.s.currency",
        "systems.s.hours",
    ),
    *("accounts", "accounts.0", "accounts.0.system", "accounts.0.holder", "accounts.0.balance", "payments"),
    *(
        "timeline",
        "fx",
        "sides",
        "banks",
        "routes",
        "markets",
        "treasuries",
        "facilities",
        "reporting_currency",
    ),
]


@pytest.mark.parametrize("number", range(len(PLACES)), ids=lambda number: PLACES[number])
def test_whatever_stands_in_place_of_a_value_is_told_in_its_place(number: int, folder: Path) -> None:
    (folder / "small.yaml").write_text(SMALL, "utf-8")
    for odd in ODD[number % 4 :: 4]:
        try:
            load("small.yaml", [f"{PLACES[number]}={odd}"])
        except ScenarioError as error:
            for problem in error.problems:
                assert problem.where
                assert len(str(problem)) < 700
