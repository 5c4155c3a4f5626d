"""DSFinV-K: the export that every till in Germany has."""
