"""Who changed what in the catalogue, and what it was before; how it is kept and read stands in ``accounts.history``."""
