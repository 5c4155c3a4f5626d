"""The HTTP interface of customer360."""
