"""What sellers see of orders: their own lines, where these go while they must be sent, and the parcels they sent."""
