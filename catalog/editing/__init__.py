"""Products written over the API: made, changed, removed and restored, each with its variants in one transaction."""
