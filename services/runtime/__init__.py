"""What every process needs: settings, logs, metrics, errors, health, retry."""
