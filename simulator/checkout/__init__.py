"""The payment page that the redirect providers send a customer to, and its JSON API."""
