"""What nobody knows exactly is declared under `uncertain`, and stands there alone: prose tells no range of it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from ruamel.yaml import YAML

from sim.scenario.library import changes, find_change, folder, names
from sim.scenario.load import load
from sim.scenario.writing import data_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sim.scenario.model import Scenario

FILES: Final = {path.relative_to(folder()).as_posix(): path for path in sorted(folder().rglob("*.yaml"))}

#: Assumptions that studies do not draw, by file and place, with the reason why.
NOT_DRAWN: Final = {
    ("baseline.yaml", "hours.belarus-office"): "the day of BISS itself",
    ("baseline.yaml", "hours.china-booking"): "books kept without hands follow HVPS",
    ("baseline.yaml", "hours.moscow"): "drawn as the hours of nostro-rub",
    (
        "baseline.yaml",
        "treasuries.minsk-domestic",
    ): "a decision before the day of payments, at whatever minute",
    (
        "baseline.yaml",
        "treasuries.china-domestic",
    ): "a decision before the day of payments, at whatever minute",
    ("baseline.yaml", "markets.cfets.hours"): "the change cfets-working-weekends is the other possibility",
    ("changes/banks-by-place.yaml", "firms"): "the baseline, where places do not matter, is the other end",
    ("changes/biss-dns.yaml", "systems.biss.cycles"): "times of several cycles move one by one",
    ("changes/cips-dns.yaml", "systems.cips.cycles"): "times of several cycles move one by one",
    ("changes/cips-hybrid.yaml", "systems.cips.cycles"): "times of several cycles move one by one",
    ("changes/clearing-in-pairs.yaml", "systems.belarus-china.swing"): "so wide that nobody reaches it",
    ("changes/duty-service.yaml", "timeline.*"): "days stand one by one",
    ("changes/hvps-outage.yaml", "timeline.*"): "an incident, severe but plausible, as it is meant",
    ("changes/ledger-zero-balance.yaml", "accounts.ledger-cny.0"): "ample, as without the change",
    ("changes/lost-correspondent.yaml", "timeline.*"): "those alone that lose it have accounts elsewhere",
    ("changes/offices-from-six.yaml", "timeline.*"): "back offices follow BISS",
    ("changes/two-intermediaries.yaml", "hours.russia-booking"): "drawn as the hours of nostro-moscow",
    ("changes/urgent-food-and-equipment.yaml", "flows"): "which payments are urgent is a choice of several",
    ("changes/way-over-moscow.yaml", "hours.russia-booking"): "drawn as the hours of nostro-cny-moscow",
    ("changes/wide-swing.yaml", "systems"): "so wide that nobody reaches it",
    ("changes/yuan-withdrawal.yaml", "timeline.*"): "the worst case, as it is meant",
    ("reference/worldwide.yaml", "accounts"): "ample, so that nothing waits for cover",
    ("reference/worldwide.yaml", "flows"): "each place pays each other one alike",
    **{
        ("reference/worldwide.yaml", f"firms.{place}"): "any number"
        for place in ("new-york", "london", "frankfurt", "dubai", "singapore", "hong-kong")
    },
    ("scarce-roubles.yaml", "fx"): "no rate matters",
    ("scarce-roubles.yaml", "treasuries.minsk-domestic"): "a decision before the day of payments",
}


# Ranges in prose.

_WORDS: Final = "half|quarter|third|one|two|three|four|five|six|seven|eight|nine|ten|all|none|nothing"
_UNIT: Final = r"(?:\s?(?:%|pp|k|m|bn|million|billion|h|min|hours?|days?|weeks?|months?|points?|weekdays))?"
_DIGITS: Final = rf"[$€]?\d[\d_.,:]*{_UNIT}"
_WORDED: Final = rf"(?:{_DIGITS}|\b(?:an? )?(?:{_WORDS})\b{_UNIT})(?: of (?:them|it))?"


def between(number: str) -> re.Pattern[str]:
    """Two numbers as the ends of a range, or one beside a value."""
    ends = rf"\bbetween {number} and {number}|{number}\s?(?:-|–|\bto\b)\s?{number}"
    return re.compile(rf"(?:\+-|±)\s?{number}|{ends}", re.IGNORECASE)


_RANGE: Final = between(_WORDED)
#: A description tells times of day in words.
_RANGE_IN_DIGITS: Final = between(_DIGITS)
_CALLED: Final = re.compile(r"\brang(?:e[sd]?|ing)\b", re.IGNORECASE)
_ASSUMED: Final = re.compile(r"\bassum", re.IGNORECASE)
#: Where a number comes from: a page, a date, a span of years, seeds.
_CITED: Final = re.compile(
    r"\((?![^()]*\bassum)[^()]*(?:[a-z]\.[a-z]{2,}|\b(?:19|20)\d\d\b|\bseeds?\b)[^()]*\)"
)
_OF_PAGES: Final = re.compile(
    r"\S+\.[a-z]{2,}/\S*|\b(?:19|20)\d\d-\d\d-\d\d\b|\b(?:19|20)\d\d\s?[-–]\s?\d{2,4}\b"
)


def ranges(prose: str, *, described: bool = False) -> list[str]:
    """The ranges that a source or a comment tells of what is assumed; of a description, only beside that word."""
    text = " ".join(prose.split())
    found = [] if described else _CALLED.findall(text)
    text = " ".join(_OF_PAGES.sub("", _CITED.sub("", text)).split())
    parts = [text] if not described and _ASSUMED.match(text) else re.split(r"; |[.?!] ", text)
    form = _RANGE_IN_DIGITS if described else _RANGE
    return found + [one.group() for part in parts if _ASSUMED.search(part) for one in form.finditer(part)]


@pytest.mark.parametrize(
    "prose",
    [
        "assumption, range 10-100",
        "assumption, range 10–100",
        "assumption, usual branch hours; range 8:30-17:30",
        "assumption, range to 4 h: what a bank takes in",
        "that a correspondent books in the same hours is assumption, range its office hours to all of these",
        "a share of 0.30 ranges from 0.25 to 0.33",
        "assumption, 50-300 firms; cities by industry",
        "assumption; cities by industry, shares +-0.1",
        "terms assumption (prepaid 30-80 %, credit 5-30 %)",
        "1.5bn in 2023 (page.com, 31 January 2024); currencies assumption (CNY 40-80 %)",
        "median assumption ($10-150k)",
        "one train is worth 24.9m (bb.lv, 2026); assumption, 1-3 % of invoices",
        "assumption: 3-40 % reviewed (here 10)",
        "assumption, haircut 2 to 10 %",
        "assumed to lie between 5 and 20 %",
        "assumption, between a quarter and all of them",
        "assumption, a quarter to all of the returns",
        "assumption, frozen from 10 days to 5 weeks",
        "About two days (assumption, 0.5-4 days in 2024).",
        "assumption: of firms 40 % (2022) to 62 % (2018)",
    ],
)
def test_a_range_in_prose_is_found(prose: str) -> None:
    assert ranges(prose)


@pytest.mark.parametrize(
    "prose",
    [
        "assumption",
        "notice of the central bank, since 2 May 2018: 20:30-17:15 (page.com/licai/30395.html)",
        "5-7 weekdays in all (help.page.com 8517130)",
        "assumption; the longest is 30 working days (help.page.com 8517130: 5-7 weekdays in all)",
        "assumption, as in 2021-22 and on 2024-06-17, see page.com/doc/4109596-2019",
        "cargoes of 25-65 kt at $300-430 give $7.5-28m; currencies are assumption",
        "43-60 % credited within an hour (October 2024); longest five working days is assumption",
        "assumption: half order with the cut-off in mind",
        "assumption; on two days in each holiday",
    ],
)
def test_an_ordinary_fact_is_no_range(prose: str) -> None:
    assert ranges(prose) == []


def test_a_description_may_tell_what_comes_out() -> None:
    assert ranges("It costs 5 to 7 % more. Shares are assumption.", described=True) == []
    assert ranges("Dealt from ten to one, as is assumed.", described=True) == []
    assert ranges("It costs 5 % (5 to 7 with seeds 1 to 3), by assumption.", described=True) == []
    assert ranges("Shares are assumption (CNY 70-90 %).", described=True) == ["70-90 %"]


# Prose and where it stands.

DESCRIBING: Final = frozenset({"description", "question", "says"})


class Told(NamedTuple):
    """A piece of prose, and the place of which it tells."""

    path: tuple[str, ...]
    text: str
    kind: str


def steps(key: object) -> list[str]:
    """A key as steps of a path; what is added to a list may stand anywhere in it."""
    return ["*" if step == "add" else step for step in str(key).split(".")]


@cache
def document(file: str) -> Any:  # noqa: ANN401 - whatever the file says
    return YAML(typ="rt", pure=True).load(FILES[file].read_text("utf-8"))


def entries(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int, Any]]:  # noqa: ANN401
    """Every value of a document with its path and the line of its key, from 0."""
    if isinstance(node, dict):
        for key, child in node.items():
            here = (*path, *steps(key))
            yield here, node.lc.key(key)[0], child
            yield from entries(child, here)
    elif isinstance(node, list):
        above = path[:-1] if path and path[-1] == "*" else path
        for number, child in enumerate(node):
            here = (*above, "*" if path and path[-1] == "*" else str(number))
            yield here, node.lc.item(number)[0], child
            yield from entries(child, here)


_COMMENT: Final = re.compile(r"""^((?:[^#'"]|"[^"]*"|'[^']*'|(?<!\s)#)*?)(?:^|(?<=\s))#\s?(.*)$""")


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Every comment, its lines joined, with the line of which it tells: its own, or the next one with anything else."""
    above: list[str] = []
    folded: int | None = None
    for number, line in enumerate(text.splitlines()):
        indent = len(line) - len(line.lstrip())
        if folded is not None and (not line.strip() or indent > folded):
            continue
        found = _COMMENT.match(line)
        code = found.group(1) if found else line
        folded = indent if code.rstrip().endswith((">", ">-", "|", "|-")) else None
        if found and not code.strip():
            above.append(found.group(2))
        elif code.strip():
            if above:
                yield number, " ".join(above)
                above = []
            if found:
                yield number, found.group(2)
    if above:
        yield -1, " ".join(above)


def told(file: str) -> Iterator[Told]:
    """All sources, comments and descriptions of a file."""
    lines: dict[int, tuple[str, ...]] = {}
    for path, line, value in entries(document(file)):
        lines.setdefault(line, path)
        if path[-1] in {"source", *DESCRIBING} and isinstance(value, str):
            yield Told(path[:-1], value, path[-1])
    for line, text in comments(FILES[file].read_text("utf-8")):
        yield Told(lines.get(line, ()), text, "comment")


@pytest.mark.parametrize("file", FILES)
def test_prose_tells_no_range_of_what_is_assumed(file: str) -> None:
    found = [(one.path, ranges(one.text, described=one.kind in DESCRIBING)) for one in told(file)]
    assert [place for place in found if place[1]] == []


def drawn(file: str) -> list[tuple[str, ...]]:
    """The paths of assumptions that a file declares or adds to."""
    found = []
    for path, _, value in entries(document(file)):
        if path[0] == "uncertain" and "paths" in path and isinstance(value, str):
            found.append(tuple(step for key in value.split(".") for step in steps(key)))
    return found


def covers(place: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether a place is that of a drawn value, or above it."""
    return len(place) <= len(path) and all(
        one == other or "*" in {one, other} for one, other in zip(place, path, strict=False)
    )


def not_drawn(file: str) -> set[str]:
    """Places of prose that tells of an assumption, at or below which no value is drawn."""
    paths = drawn(file)
    return {
        ".".join(one.path)
        for one in told(file)
        if one.kind in {"source", "comment"} and one.path[:1] != ("uncertain",)
        if _ASSUMED.search(one.text) and not any(covers(one.path, path) for path in paths)
    }


@pytest.mark.parametrize("file", FILES)
def test_what_is_assumed_is_drawn_or_told_why_not(file: str) -> None:
    assert not_drawn(file) == {place for there, place in NOT_DRAWN if there == file}


def test_planted_prose_is_found_where_it_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """\
# Everything here is assumption, range 1-2.
treasuries:
  minsk: {lag: 1d, source: "assumption, 0-2 days"}
  china: {lag: 1d}  # assumption, # 0-2 days
systems:
  # Assumed between 1 and 2.
  nostro: {holding_rate: 0.04}
  other:
    holding_rate: 0.04
    source: >-
      assumption # 3, no comment
timeline.add:
  - {kind: review, probability: 0.4, source: assumption}
uncertain:
  lag: {paths: [treasuries.minsk.lag], range: [0d, 2d], source: assumption}
  reviews: {paths: ["timeline.*.probability"], range: [0.1, 0.4], source: assumption}
"""
    (folder / "planted.yaml").write_text(text, "utf-8")
    monkeypatch.setitem(FILES, "planted.yaml", folder / "planted.yaml")
    with_ranges = {".".join(one.path) for one in told("planted.yaml") if ranges(one.text)}
    assert with_ranges == {"treasuries", "treasuries.minsk", "treasuries.china", "systems.nostro"}
    assert not_drawn("planted.yaml") == {"treasuries.china", "systems.nostro", "systems.other"}


def test_what_is_not_drawn_stands_in_the_library() -> None:
    assert {file for file, _ in NOT_DRAWN} <= FILES.keys()


# Numbers that a design states once more.

#: Keys of the baseline's numbers that designs repeat for routes and accounts of their own, and the assumption of each.
REPEATED: Final = {
    ("originate", "work", "low"): "bank-work",
    ("originate", "work", "mode"): "bank-work",
    ("originate", "work", "high"): "bank-work",
    ("originate", "fee", "share"): "transfer-fee",
    ("convert", "fee", "share"): "conversion-fee",
    ("screen", "probability"): "review-share",
    ("screen", "work", "median"): "review-work",
    ("screen", "work", "p95"): "review-work",
    ("screen", "work", "longest"): "review-work",
    ("post", "automatic"): "automatic-share",
    ("accounts", "prefund_days"): "balances",
    ("accounts", "holding_rate"): "cost-of-money",
    ("accounts", "funding", "rate"): "cost-of-money",
    ("systems", "holding_rate"): "cost-of-money",
}
_REPEATING: Final = re.compile("prefund_days|holding_rate|kind: screen|kind: originate")


def repeated(whole: Scenario) -> dict[str, tuple[str, object]]:
    """Such numbers of a scenario: the assumption and the value by path."""
    scenario = data_of(whole)
    places = [
        (step["kind"], f"routes.{route}.steps.{number}", step)
        for route, one in scenario["routes"].items()
        for number, step in enumerate(one["steps"])
    ]
    places += [("accounts", f"accounts.{number}", one) for number, one in enumerate(scenario["accounts"])]
    places += [("systems", f"systems.{system}", one) for system, one in scenario["systems"].items()]
    found: dict[str, tuple[str, object]] = {}
    for kind, place, block in places:
        for (of, *keys), assumption in REPEATED.items():
            value = block if of == kind else None
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            if value:  # nothing is the default of rates
                found[".".join([place, *keys])] = (assumption, value)
    return found


@cache
def usual() -> set[tuple[str, object]]:
    return set(repeated(load("baseline")).values())


def designs() -> list[str]:
    """A design for each change that repeats such numbers."""
    texts = {change: find_change(change).read_text("utf-8") for change in changes()}  # type: ignore[union-attr]
    repeating = [change for change, text in texts.items() if _REPEATING.search(text)]
    listed = {name: document(f"{name}.yaml").get("changes", ()) for name in names()}
    return sorted({next(name for name in names() if change in listed[name]) for change in repeating})


@pytest.mark.parametrize("name", designs())
def test_a_number_of_the_baseline_is_drawn_wherever_it_stands_once_more(name: str) -> None:
    """Otherwise a study over what is uncertain would compare a design that is certain with today."""
    scenario = load(name)
    drawn_here = {(path, assumption) for assumption, one in scenario.uncertain.items() for path in one.paths}
    there = {path: said for path, said in repeated(scenario).items() if said in usual()}
    assert {(path, assumption) for path, (assumption, _) in there.items()} <= drawn_here
