"""Calendars as files: given to other sites, and taken from them."""
