"""Time, calendars, currencies and random streams: what every other room stands on."""
