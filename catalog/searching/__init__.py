"""Finding products inside PostgreSQL: words, part numbers, typos, facets, type-ahead. See docs/search.md."""
