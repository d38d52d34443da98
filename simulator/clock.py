"""Moments as the simulator keeps them (seconds since 1970) and as the wires write them."""

from datetime import UTC, datetime, timedelta, timezone

# Kenya has no daylight saving time, so a fixed offset needs no time zone database.
NAIROBI = timezone(timedelta(hours=3), "EAT")


def nairobi(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, NAIROBI)


def start_of_nairobi_day(moment: float) -> float:
    return nairobi(moment).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def iso_utc(moment: float | None) -> str | None:
    """Write a moment as ISO 8601 in UTC; None stays None."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
