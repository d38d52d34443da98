"""Reading the catalogue fast: pages put together from finished JSON, kept until something changes."""
