"""Files that no profile names any more."""

from django.utils import timezone

from accounts.profiles.avatars import sweep_avatars
from ecommerce.retention import Rule

# Each hour its part of the folders, so that all are looked through in a day: a service for files charges by the look.
RULES = (Rule("avatars", lambda: sweep_avatars(timezone.now().hour)),)
