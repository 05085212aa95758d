"""Money is a whole number of minor units; a fraction exists only inside one rounding."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Amounts = NDArray[np.int64]

#: ISO 4217 codes that a scenario may use, with the number of decimals of their minor unit.
MINOR_DIGITS: Final[dict[str, int]] = {
    "AED": 2, "AMD": 2, "AUD": 2, "AZN": 2, "BHD": 3, "BRL": 2, "BYN": 2, "CAD": 2, "CHF": 2, "CLP": 0,
    "CNY": 2, "CZK": 2, "DKK": 2, "EUR": 2, "GBP": 2, "GEL": 2, "HKD": 2, "HUF": 2, "IDR": 2, "ILS": 2,
    "INR": 2, "IRR": 2, "ISK": 0, "JOD": 3, "JPY": 0, "KGS": 2, "KRW": 0, "KWD": 3, "KZT": 2, "MDL": 2,
    "MNT": 2, "MOP": 2, "MXN": 2, "MYR": 2, "NOK": 2, "NZD": 2, "OMR": 3, "PHP": 2, "PKR": 2, "PLN": 2,
    "QAR": 2, "RON": 2, "RSD": 2, "RUB": 2, "SAR": 2, "SEK": 2, "SGD": 2, "THB": 2, "TJS": 2, "TMT": 2,
    "TND": 3, "TRY": 2, "TWD": 2, "UAH": 2, "USD": 2, "UZS": 2, "VND": 0, "ZAR": 2,
}  # fmt: skip


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
