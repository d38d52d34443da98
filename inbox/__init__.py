"""What the shop tells: other systems by webhooks, people by notifications. On top of every other app."""
