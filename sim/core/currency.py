"""Money is a whole number of minor units; a fraction exists only inside one rounding."""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.core.clock import DAY

Amounts = NDArray[np.int64]

#: Days of a year of interest (ACT/365).
INTEREST_YEAR_DAYS: Final = 365

#: Lowest balance of an account without a limit: a servicer's own position, or the market's.
UNLIMITED: Final = -(2**62)

#: ISO 4217 codes that a scenario may use, with the decimals of their minor unit: all that are active and have
#: one, from list one of the Maintenance Agency (SIX, published 1 January 2026).
MINOR_DIGITS: Final[dict[str, int]] = {
    "AED": 2, "AFN": 2, "ALL": 2, "AMD": 2, "AOA": 2, "ARS": 2, "AUD": 2, "AWG": 2, "AZN": 2, "BAM": 2,
    "BBD": 2, "BDT": 2, "BHD": 3, "BIF": 0, "BMD": 2, "BND": 2, "BOB": 2, "BOV": 2, "BRL": 2, "BSD": 2,
    "BTN": 2, "BWP": 2, "BYN": 2, "BZD": 2, "CAD": 2, "CDF": 2, "CHE": 2, "CHF": 2, "CHW": 2, "CLF": 4,
    "CLP": 0, "CNY": 2, "COP": 2, "COU": 2, "CRC": 2, "CUP": 2, "CVE": 2, "CZK": 2, "DJF": 0, "DKK": 2,
    "DOP": 2, "DZD": 2, "EGP": 2, "ERN": 2, "ETB": 2, "EUR": 2, "FJD": 2, "FKP": 2, "GBP": 2, "GEL": 2,
    "GHS": 2, "GIP": 2, "GMD": 2, "GNF": 0, "GTQ": 2, "GYD": 2, "HKD": 2, "HNL": 2, "HTG": 2, "HUF": 2,
    "IDR": 2, "ILS": 2, "INR": 2, "IQD": 3, "IRR": 2, "ISK": 0, "JMD": 2, "JOD": 3, "JPY": 0, "KES": 2,
    "KGS": 2, "KHR": 2, "KMF": 0, "KPW": 2, "KRW": 0, "KWD": 3, "KYD": 2, "KZT": 2, "LAK": 2, "LBP": 2,
    "LKR": 2, "LRD": 2, "LSL": 2, "LYD": 3, "MAD": 2, "MDL": 2, "MGA": 2, "MKD": 2, "MMK": 2, "MNT": 2,
    "MOP": 2, "MRU": 2, "MUR": 2, "MVR": 2, "MWK": 2, "MXN": 2, "MXV": 2, "MYR": 2, "MZN": 2, "NAD": 2,
    "NGN": 2, "NIO": 2, "NOK": 2, "NPR": 2, "NZD": 2, "OMR": 3, "PAB": 2, "PEN": 2, "PGK": 2, "PHP": 2,
    "PKR": 2, "PLN": 2, "PYG": 0, "QAR": 2, "RON": 2, "RSD": 2, "RUB": 2, "RWF": 0, "SAR": 2, "SBD": 2,
    "SCR": 2, "SDG": 2, "SEK": 2, "SGD": 2, "SHP": 2, "SLE": 2, "SOS": 2, "SRD": 2, "SSP": 2, "STN": 2,
    "SVC": 2, "SYP": 2, "SZL": 2, "THB": 2, "TJS": 2, "TMT": 2, "TND": 3, "TOP": 2, "TRY": 2, "TTD": 2,
    "TWD": 2, "TZS": 2, "UAH": 2, "UGX": 0, "USD": 2, "USN": 2, "UYI": 0, "UYU": 2, "UYW": 4, "UZS": 2,
    "VED": 2, "VES": 2, "VND": 0, "VUV": 0, "WST": 2, "XAD": 2, "XAF": 0, "XCD": 2, "XCG": 2, "XOF": 0,
    "XPF": 0, "YER": 2, "ZAR": 2, "ZMW": 2, "ZWG": 2,
}  # fmt: skip

#: Active codes without a minor unit, so that there is nothing to count: metals, units of account, tests.
_WITHOUT_UNIT: Final = frozenset(
    {"XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"}
)

#: The code that is used now → codes that were withdrawn (list three of the Agency).
_SUCCESSORS: Final = {
    "AFN": "AFA", "AOA": "AOK AON AOR", "ARS": "ARA ARP", "AZN": "AYM AZM", "BAM": "BAD", "BOB": "BOP",
    "BRL": "BRB BRC BRE BRN BRR", "BYN": "BYB BYR", "CDF": "ZRN ZRZ", "CUP": "CUC", "CZK": "CSJ CSK",
    "EUR": "ADP ATS BEF BGJ BGK BGL BGN CYP DDM DEM EEK ESA ESB ESP FIM FRF GRD HRD HRK IEP ITL LTL LTT LUF "
           "LVL LVR MTL MTP NLG PTE SIT SKK XEU",
    "GEL": "GEK", "GHS": "GHC GHP", "ILS": "ILP ILR", "ISK": "ISJ", "MDL": "MDC", "MGA": "MGF", "MKD": "MKN",
    "MRU": "MRO", "MXN": "MXP", "MZN": "MZE MZM", "NIO": "NIC", "PEN": "PEH PEI PES", "PLN": "PLZ",
    "RON": "ROK ROL", "RSD": "CSD YUD YUM YUN", "RUB": "RUR SUR", "SDG": "SDD SDP", "SLE": "SLL",
    "SRD": "SRG", "STN": "STD", "TJS": "TJR", "TMT": "TMM", "TRY": "TRL", "UAH": "UAK", "UGX": "UGS UGW",
    "USD": "ECS ECV TPE USS", "UYU": "UYN UYP", "VES": "VEB VEF", "VND": "VNC", "XCG": "ANG", "XOF": "GWE GWP",
    "YER": "YDD", "ZAR": "ZAL", "ZMW": "ZMK", "ZWG": "ZWC ZWD ZWL ZWN ZWR",
}  # fmt: skip
_WITHDRAWN: Final = {old: code for code, olds in _SUCCESSORS.items() for old in olds.split()}

#: Names that markets use and that never were codes.
_NICKNAMES: Final = {"CNH": "CNY", "RMB": "CNY", "GBX": "GBP", "STG": "GBP", "NTD": "TWD", "NIS": "ILS"}


def why_not_a_currency(code: str) -> tuple[str, str | None] | None:
    """Why a scenario cannot use a code, and which one is perhaps meant; None if it can."""
    if code in MINOR_DIGITS:
        return None
    if code in _WITHOUT_UNIT:
        return f"{code!r} has no minor unit, so amounts in it cannot be counted", None
    if code in _WITHDRAWN:
        return f"{code!r} is not an ISO 4217 currency code any more", _WITHDRAWN[code]
    wanted = code.strip().upper()
    meant = wanted if wanted in MINOR_DIGITS else _NICKNAMES.get(wanted) or _WITHDRAWN.get(wanted)
    near = get_close_matches(code, sorted(MINOR_DIGITS), n=1, cutoff=0.6)
    return f"{code!r} is not an ISO 4217 currency code", meant or next(iter(near), None)


def minor_digits(currency: str) -> int:
    """Decimals of the minor unit of an ISO 4217 code (2 for CNY, 0 for JPY); KeyError if unknown."""
    return MINOR_DIGITS[currency]


def to_minor(amount: Decimal, currency: str) -> int:
    """Minor units of an amount that has no more decimals than its currency; ValueError otherwise."""
    scaled = amount.scaleb(minor_digits(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} has more than {minor_digits(currency)} decimals, the most {currency} has")
    return int(scaled)


def round_half_even(values: ArrayLike) -> Amounts:
    """Nearest whole numbers, ties to the even one: the only rounding in this package."""
    return np.rint(np.asarray(values, dtype=np.float64)).astype(np.int64)


def interest(money_seconds: NDArray[np.float64], rate: NDArray[np.float64] | float) -> Amounts:
    """Minor units owed for so many minor units times seconds at a rate per year of 365 days (ACT/365)."""
    return round_half_even(money_seconds * rate / (INTEREST_YEAR_DAYS * DAY))
