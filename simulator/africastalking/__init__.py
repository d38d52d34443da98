"""Africa's Talking: it takes text messages, and shows them on the customer's phone.

Source: Africa's Talking's published API and client libraries; not compared with its sandbox.
"""
