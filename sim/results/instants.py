"""Tables show instants as timestamps in UTC; arithmetic is done on whole seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.core.clock import NEVER

if TYPE_CHECKING:
    from sim.core.clock import Seconds


def instants(seconds: Seconds) -> pd.Series[pd.Timestamp]:
    """Timestamps in UTC; NaT for NEVER."""
    seen = np.where(seconds < NEVER, seconds, np.iinfo(np.int64).min)
    return pd.Series(seen.astype("datetime64[s]")).dt.tz_localize("UTC")


def seconds(timestamps: pd.Series[pd.Timestamp]) -> Seconds:
    """Seconds since 1970 of a column of timestamps in UTC, of whatever resolution; NEVER for NaT."""
    found = timestamps.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    return np.where(np.isnat(found), NEVER, found.astype(np.int64))
