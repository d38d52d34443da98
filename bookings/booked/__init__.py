"""Bookings over HTTP, for guests and hosts."""
