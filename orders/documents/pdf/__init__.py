"""Documents as PDF: drawn from frozen contents alone, the same bytes each time."""
