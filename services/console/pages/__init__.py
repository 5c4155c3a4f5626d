"""The pages, a module each: what they ask the API, and what their templates show of it."""
