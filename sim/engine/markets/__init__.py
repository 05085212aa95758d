"""What firms deal at markets whose depth, price or hours depend on what others deal there."""

from __future__ import annotations
