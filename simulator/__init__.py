"""A simulator of payment providers, on loopback, for development, tests and demonstrations.

It speaks the providers' wire formats and shares no code with the shop: what the shop misunderstands must not
be misunderstood here in the same way. Start it with ``python -m simulator``; see README.md.
"""
