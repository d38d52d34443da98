"""Outgoing webhooks: signed, in order for each object, tried again for three days. See docs/webhooks.md."""
