"""What has changed in the catalogue, in the order of change, for other systems."""
