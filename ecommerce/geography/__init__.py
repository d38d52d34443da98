"""Where people and parcels are: countries, Kenya's counties, and what an address must say."""
