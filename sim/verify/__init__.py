"""A published case is run again, and what comes out is held against what was published."""
