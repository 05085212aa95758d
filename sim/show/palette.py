"""A reader who cannot tell red from green reads the same figure.

The colours are those of Okabe and Ito (Color Universal Design, 2008) and neutral greys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from matplotlib.ticker import FuncFormatter

from sim.core.causes import REASONS as DECLARED
from sim.core.kinds import complete

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

#: Text and marks, quieter text, and the grid.
INK: Final = "#222222"
QUIET: Final = "#666666"
GRID: Final = "#e4e4e4"
#: Distributions, which are told apart by their rows and need no colour of their own.
SHAPE: Final = "#b9c4cf"

#: Each currency has the same colour in every figure.
CURRENCIES: Final = {
    "CNY": "#d55e00",
    "RUB": "#0072b2",
    "USD": "#000000",
    "EUR": "#56b4e9",
    "BYN": "#009e73",
    "HKD": "#cc79a7",
}
_OTHER_CURRENCIES: Final = ("#e69f00", "#f0e442", "#999999")

#: Each reason of delay has the same colour in every figure; what is shut is blue, the lighter the rarer.
REASONS: Final = {
    "work": "#dddddd",
    "staff": "#e69f00",
    "closed_hours": "#08306b",
    "closed_weekend": "#0072b2",
    "closed_holiday": "#56b4e9",
    "currency": "#f0e442",
    "liquidity": "#d55e00",
    "netting": "#009e73",
    "outage": "#000000",
    "returned": "#cc79a7",
}
complete(DECLARED, REASONS, of="reason of delay", what="a colour")

#: Money that waits, money to spend, and the accounts that hold it.
WAITING: Final = "#d55e00"
AVAILABLE: Final = "#0072b2"
ACCOUNTS: Final = ("#0072b2", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#000000")
OTHER_ACCOUNTS: Final = "#b9b9b9"

#: Gains and losses, which differ in lightness, too.
GAIN: Final = "#0072b2"
LOSS: Final = "#d55e00"

#: Time left to the due date, from what is overdue to what is far off.
MATURITIES: Final = {
    "overdue": "#d55e00",
    "7d": "#084594",
    "30d": "#4292c6",
    "90d": "#9ecae1",
    "later": "#deebf7",
}

#: Up to here a part of a colour of sRGB is proportional to its light.
_LINEAR: Final = 0.04045

#: More is darker; and the hours in which something is open.
HEAT: Final = "Blues"
OPEN: Final = "#0072b2"

#: What all figures share, as matplotlib settings; sizes are in points.
STYLE: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    # Names are text, whatever stands between two dollar signs.
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
}


def currency_colours(codes: Iterable[str]) -> dict[str, str]:
    """The colour of each currency, sorted by code; those without one of their own share three more."""
    found: dict[str, str] = {}
    others = 0
    for code in sorted({*codes}):
        if code in CURRENCIES:
            found[code] = CURRENCIES[code]
        else:
            found[code] = _OTHER_CURRENCIES[others % len(_OTHER_CURRENCIES)]
            others += 1
    return found


def ink_on(shade: Sequence[float]) -> str:
    """White or black for text on a shade (red, green, blue in [0, 1]), whichever stands out more.

    One of them has a contrast of 4.5 at least, as the Web Content Accessibility Guidelines (2.2, 1.4.3) ask.
    """
    return "white" if (luminance(shade) + 0.05) ** 2 < (1 + 0.05) * 0.05 else "black"


def luminance(shade: Sequence[float]) -> float:
    """Relative luminance of a colour of sRGB, 0 for black and 1 for white (the guidelines' definition)."""
    weights = zip((0.2126, 0.7152, 0.0722), shade, strict=False)
    return sum(
        weight * (p / 12.92 if p <= _LINEAR else ((p + 0.055) / 1.055) ** 2.4) for weight, p in weights
    )


def dress(ax: Axes, grid: str) -> None:
    """Give axes the common look: a light grid along axis `grid` ("x" or "y"), no box, small ticks."""
    ax.set_facecolor("white")
    for name, spine in ax.spines.items():
        spine.set_visible(name == ("bottom" if grid == "y" else "left"))
        spine.set_color(QUIET)
        spine.set_linewidth(0.6)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set(size=STYLE["axes.labelsize"], color=INK)
    ax.set_axisbelow(True)
    ax.grid(visible=False)
    ax.grid(visible=True, axis="x" if grid == "x" else "y", color=GRID, linewidth=0.7)
    ax.tick_params(
        which="both", length=3, width=0.6, color=QUIET, labelcolor=INK, labelsize=9, left=False, bottom=True
    )


def in_millions(ax: Axes) -> None:
    """Tell the values of the y axis, which are millions, with thousands separators and a true minus sign."""
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}".replace("-", "−")))
