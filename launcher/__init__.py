"""From an empty machine to a running shop: what ``./shop`` does.

Only the standard library is imported here, because the first start happens before anything is installed. The one
exception is ``prepare``, which runs inside the virtual environment.
"""
