"""Notifications in the app: what became of somebody's order, money and wishes."""
