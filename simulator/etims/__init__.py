"""KRA's eTIMS control unit (OSCU): it takes sales and credit notes, numbers and signs them.

Source: KRA's published field lists and open integrations; not compared with KRA's sandbox.
"""
