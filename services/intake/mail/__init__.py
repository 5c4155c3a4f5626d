"""Events of e-mail providers as touchpoints: pure."""
