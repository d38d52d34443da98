"""Who changed what of the shop, and what it was before: written by triggers, read by staff. Never changed."""
