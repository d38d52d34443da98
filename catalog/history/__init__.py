"""Who changed what in the catalogue, and what it was before: written by triggers, read by staff. Never changed."""
