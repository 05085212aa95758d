"""Names and numbers as a reader expects them: words for keys, three or four digits, and always a unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.core.causes import PLACES
from sim.core.currency import MINOR_DIGITS, minor_digits
from sim.results.derived.fx_causes import SELDOM

if TYPE_CHECKING:
    from sim.results.results import Results

_SPELT: Final = {"pvp": "PvP", "to": "to", "from": "from", "via": "via", "and": "and"} | {
    word: word.upper()
    for word in ("cips", "rtgs", "dns", "hvps", "biss", "spfs", "lsm", "cls", "hk", "bcse", "cfets")
}

_DAY: Final = 24.0
_MINUTES: Final = 60.0
_THOUSAND: Final = 1e3
#: From so many hours on a duration is told in days.
_LONG: Final = 3 * _DAY


def told_fx_causes(by_side: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The causes of the FX result by side, in order, and the total, without those that only few runs know."""
    causes = list(dict.fromkeys(cause for parts in by_side.values() for cause in parts))
    found = {cause for parts in by_side.values() for cause, part in parts.items() if part}
    return [cause for cause in causes if cause not in SELDOM or cause in found]


def spelt(name: str) -> str:
    """A declared name as words: `cny-to-china` is CNY to China, `beijing-a` Beijing A."""
    return " ".join(_word(word) for word in name.replace("_", "-").split("-") if word)


def place(key: str) -> str:
    """A place of delay by its key in the measures: `payer's bank`, a system by its name."""
    of, _, name = key.partition(":")
    return spelt(name) if name else PLACES[of]


def duration(hours: float) -> str:
    """A duration with its unit: `25 min`, `7.3 h`, `41 h`, `6.7 d`."""
    if hours < 1:
        return f"{hours * _MINUTES:.0f} min"
    if hours < _LONG:
        return f"{hours:.1f} h" if hours < 10 else f"{hours:.0f} h"  # noqa: PLR2004 - two digits suffice
    return f"{hours / _DAY:.1f} d"


def bounded(least: float, most: float | None, tell: Callable[[float], str]) -> str:
    """A number that may be larger as it is told, `≥ 6.7 d`, without the sign if all that it may be is told alike."""
    text = tell(least)
    return text if most is not None and tell(most) == text else f"≥ {text}"


def lateness(results: Results) -> str:
    """How late payees of each side have their money, and why, in one sentence; nothing where nobody owes anything."""
    late, unpaid = (results.measures[name].value for name in ("lateness", "unpaid_share"))
    told = []
    for number, (side, found) in enumerate(late.items()):
        of, mean = ("", "") if number else ("of obligations ", "mean ")
        days = ("≥ " if unpaid[side] else "") + f"{found['mean_days']:.1f} d"
        told.append(f"{percent(found['late_share'])} {of}to {spelt(side)} ({mean}{days})")
    if not told:
        return ""
    habits = [group.pays for group in results.scenario.firms.values() if group.pays is not None]
    others = [word for word in ("early", "late") if any(getattr(pays, word) is not None for pays in habits)]
    why = "payers order on the due date, so delay is lateness"
    if others:
        why = (
            f"some payers order {' or '.join(others)}, all others on the due date, so their delay is lateness"
        )
    return f"Late by a day or more: {', '.join(told)}; {why}"


def day(at: date) -> str:
    """A date without a leading zero: `1 Jan 2024`."""
    return f"{at.day} {at:%b %Y}"


def amount(value: float, currency: str) -> str:
    """An amount with its currency: `USD 8.62 bn`, `CNY 41.30 m`, `BYN 950`; to the minor unit below one thousand."""
    for size, unit in ((1e9, " bn"), (1e6, " m")):
        if abs(value) >= size:
            return f"{currency} {value / size:,.2f}{unit}"
    whole = abs(value) >= _THOUSAND or value == round(value)
    return f"{currency} {value:,.{0 if whole else minor_digits(currency)}f}"


def short(value: float, currency: str = "") -> str:
    """An amount of three digits or a few more, with its currency if one is given: `CNY 151 m`, `8.62 bn`, `950`."""
    for size, unit in ((1e9, " bn"), (1e6, " m")):
        if abs(value) >= size:
            places = max(2 - len(f"{abs(value) / size:.0f}") + 1, 0)
            return f"{currency} {value / size:,.{places}f}{unit}".lstrip()
    return f"{currency} {value:,.0f}".lstrip()


class Scale(NamedTuple):
    """A unit in which a set of amounts is told: its sign after the currency (none for units), and its size."""

    sign: str
    size: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Scale:
        """Millions, thousands where no amount reaches one million, units where none reaches one thousand."""
        largest = max(map(abs, values), default=0.0)
        scales = (cls("m", 1e6), cls("thousand", 1e3))
        return next((scale for scale in scales if largest >= scale.size), cls("", 1.0))

    def unit(self, currency: str) -> str:
        """The currency with the sign: `USD m`, `BYN`."""
        return f"{currency} {self.sign}".strip()

    def tell(self, value: float) -> str:
        """The amount with one decimal and a true minus sign; what rounds to nothing has no sign."""
        text = f"{value / self.size:,.1f}"
        return "0.0" if text == "-0.0" else text.replace("-", "−")


def percent(share: float) -> str:
    """A share as a percentage with one decimal, never rounded up to 100 or down to 0."""
    if 0 < share < 0.001:  # noqa: PLR2004 - half a unit of the decimal shown, doubled
        return "<0.1 %"
    if 0.999 < share < 1:  # noqa: PLR2004 - as above
        return ">99.9 %"
    return f"{share:.1%}".replace("%", " %")


def _word(word: str) -> str:
    if word in _SPELT:
        return _SPELT[word]
    return word.upper() if word.upper() in MINOR_DIGITS else word.capitalize()
