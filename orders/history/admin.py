"""The history of shipping and promotions as lists in the admin."""

from accounts.history.admin import show_history
from orders.history.models import EVENT_MODELS

show_history(*EVENT_MODELS)
