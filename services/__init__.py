"""The services of customer360: pure cores with thin edges, composed embedded or distributed."""
