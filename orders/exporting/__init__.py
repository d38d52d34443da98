"""Orders as a file, for staff who may take them out of the shop."""
