"""The currencies that prices are shown and charged in, and their rates. See docs/currencies.md."""
