"""PayPal's REST APIs as merchants use them: tokens, Orders v2, Payments v2, webhooks, payouts, disputes.

Source: PayPal developer documentation; PayPal's published OpenAPI documents (Orders 2.13, Payments 2.5).
"""
