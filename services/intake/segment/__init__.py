"""Messages of the Segment tracking protocol as touchpoints: pure."""
