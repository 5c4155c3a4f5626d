"""What webhooks of shop systems have in common: pure."""
