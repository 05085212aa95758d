"""What may stand in a text where something else was meant, and how a text is spoilt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

ODD: Final = (
    *("", "~", "null", "[]", "{}", "true", "no", "''", '" "', "[[]]", "{a: 1}", "[1, 2]", "- 1", "a: b", "*a", "&a"),
    *("0", "-0", "-1", "1", "2", "1.5", "0.1", "1e-9", "1e400", "-1e400", ".inf", "-.inf", ".nan", "NaN", "inf", "½"),
    *("1_000", "0x10", "0o7", "007", "1,5", "1 000", "+1", "1.", ".5", "1e3", "١٢", "9" * 400, f"0.{'0' * 60}1"),
    *(f"{2**31}", f"{2**53}", f"{2**53 + 1}", f"{2**62}", f"{2**63}", f"{2**64}", "1e14", "1e18", "9" * 17 + ".99"),
    *("1s", "0s", "1h", "1.1h", "1.4d", "-1h", "9999999d", "1e9d", "9" * 400 + "d", "1 h", "1w", "1y", "0.0000001s"),
    *("00:00-24:00", "24:00", "09:00-09:00", "9-5", "T-1 09:00", "T-9 09:00-10:00", "10:30+05:00", "10:30:15.5"),
    *("2024-02-30", "2024-01-01", "2024-01-01 00:00", "0001-01-01", "9999-12-31 23:59", "2024-03-31 02:30", "25:00"),
    *("UTC", "localtime", "Europe/Nowhere", "Europe/Berlin", "America/St_Johns", "../etc/passwd", "posixrules"),
    *("BYN", "CNY", "BYR", "XXX", "XAU", "byn", "JPY", "BHD", "CNH", "BYN/BYN", "CNY/BYN", "US", "BE", "ECB", "ZZ"),
    *("always", "weekdays", "never", "a" * 5000, "a.b", "a/b", "..", "/", ".", "-", "名前", "имя", "e\u0301", "\u202e"),
    *('"\\e[31m"', '"\\0"', '"\\n"', '"\\uD800"', '"\\x9b"', "\x1b[2J", "\x85", "\u2028", "\t", "%s", "{0}", "\\"),
)  # fmt: skip

#: What looks like one value of YAML, and like a number.
_TOKEN: Final = re.compile(r"(?<=[:\[{,\-] )[^\s,\[\]{}#][^,\[\]{}#\n]*|(?<=[\[{])[^\s,\[\]{}:#\n]+")
NUMBER: Final = re.compile(r"(?<![\w.\-:])\d+(?:\.\d+)?(?![\w.\-:])")
_KEY: Final = re.compile(r"[A-Za-z_][\w\-]*(?=:(?: |$))", re.MULTILINE)
_FACTORS: Final = ("0", "-1", "0.5", "3", "1000", "1e6", "1e9", "1e12", "1e-3", "1e-9", "1.0000001")


def spoilt(text: str, chance: Random) -> str:
    """The text of a scenario with one slip, or a few."""
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        change, weight = zip(*_CHANGES, strict=True)
        text = chance.choices(change, weight)[0](text, chance)
    return text


def _replaced(pattern: re.Pattern[str], by: Callable[[str, Random], str]) -> Callable[[str, Random], str]:
    """Put something else in one of the places where a pattern is found."""

    def change(text: str, chance: Random) -> str:
        places = list(pattern.finditer(text))
        if not places:
            return text
        at = chance.choice(places)
        return text[: at.start()] + by(at.group(), chance) + text[at.end() :]

    return change


def multiplied(number: str, chance: Random) -> str:
    """A number of another size, as text."""
    factor = chance.choice(_FACTORS)
    product = float(number) * float(factor)
    return f"{product:.15g}" if chance.random() < 0.7 else f"{product:.2f}"


def _misspelt(name: str, chance: Random) -> str:
    at = chance.randrange(len(name))
    return chance.choice(
        [
            name[:at] + name[at + 1 :],
            name[:at] + name[at] * 2 + name[at + 1 :],
            name.upper(),
            "x",
            name + "-2",
        ]
    )


def _elsewhere(pattern: re.Pattern[str]) -> Callable[[str, Random], str]:
    """Put what stands in one place into another one as well."""

    def change(text: str, chance: Random) -> str:
        places = list(pattern.finditer(text))
        if not places:
            return text
        return _replaced(pattern, lambda _, chance: chance.choice(places).group())(text, chance)

    return change


def _block(lines: list[str], chance: Random) -> tuple[int, int]:
    """A line and what is indented below it, as the half-open range of its lines."""
    first = chance.randrange(len(lines))
    indent = len(lines[first]) - len(lines[first].lstrip())
    last = first + 1
    while last < len(lines) and (
        not lines[last].strip() or len(lines[last]) - len(lines[last].lstrip()) > indent
    ):
        last += 1
    return first, last


def _without_block(text: str, chance: Random) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    first, last = _block(lines, chance)
    return "".join(lines[:first] + lines[last:])


def _block_again(text: str, chance: Random) -> str:
    """A block a second time, at its place or at another one; sometimes under another name, or deeper."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    first, last = _block(lines, chance)
    block = lines[first:last]
    if chance.random() < 0.5:
        block = [_replaced(_KEY, lambda name, _: f"{name}-2")(block[0], chance), *block[1:]]
    if chance.random() < 0.2:
        block = [f"  {line}" for line in block]
    at = last if chance.random() < 0.5 else chance.randrange(len(lines) + 1)
    return "".join(lines[:at] + block + lines[at:])


def _blocks_swapped(text: str, chance: Random) -> str:
    """The bodies of two top-level sections changed for one another."""
    lines = text.splitlines(keepends=True)
    heads = [number for number, line in enumerate(lines) if re.match(r"[a-z_]+:\s*$", line)]
    if len(heads) < 2:
        return text
    ends = [next((k for k in range(h + 1, len(lines)) if lines[k][:1].strip()), len(lines)) for h in heads]
    one, other = sorted(chance.sample(range(len(heads)), 2))
    a, b = (heads[one] + 1, ends[one]), (heads[other] + 1, ends[other])
    return "".join(lines[: a[0]] + lines[slice(*b)] + lines[a[1] : b[0]] + lines[slice(*a)] + lines[b[1] :])


def _character(text: str, chance: Random) -> str:
    at = chance.randrange(len(text) + 1)
    other = chance.choice("\x00\x1b\t\n\r :-#[]{}\"'&*!|>%@,0aé名\ufeff\u2028\x85")
    return chance.choice([text[:at] + other + text[at:], text[:at] + other + text[at + 1 :], text[:at]])


_CHANGES: Final = (
    (_replaced(_TOKEN, lambda _, chance: chance.choice(ODD)), 5),
    (_replaced(NUMBER, multiplied), 9),
    (_elsewhere(_TOKEN), 3),
    (_elsewhere(NUMBER), 4),
    (_without_block, 3),
    (_block_again, 2),
    (_replaced(_KEY, _misspelt), 1),
    (_elsewhere(_KEY), 1),
    (_blocks_swapped, 1),
    (_character, 1),
)
