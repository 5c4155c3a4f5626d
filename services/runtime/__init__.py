"""What every process needs, whatever it does: settings, logs, metrics, errors, health, retry."""
