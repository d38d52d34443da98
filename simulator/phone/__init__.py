"""The customer's phone: a web page where prompts are answered and SMS are read, and its JSON API."""
