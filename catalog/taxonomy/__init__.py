"""Categories and brands, as staff write them over the API. Saving one is in ``catalog.services``."""
