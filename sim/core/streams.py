"""A random stream has a name, so that a new firm or another policy moves no draw but its own."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


def stream(seed: int, replication: int, name: str) -> np.random.Generator:
    """The generator of the stream `name`, e.g. `trade/potash`; equal arguments give equal draws.

    The name enters the seed by a stable hash (BLAKE2b), never by `hash()`, which differs between processes.
    """
    digest = blake2b(name.encode(), digest_size=16).digest()
    words = tuple(int.from_bytes(digest[k : k + 4], "little") for k in range(0, 16, 4))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(replication, *words)))
