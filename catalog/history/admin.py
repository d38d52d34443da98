"""The history of the catalogue as lists in the admin."""

from accounts.history.admin import show_history
from catalog.history.models import EVENT_MODELS

show_history(*EVENT_MODELS)
