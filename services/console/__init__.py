"""The web console: pages for the people who talk to customers, made from answers of the API."""
