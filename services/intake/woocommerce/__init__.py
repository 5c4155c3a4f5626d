"""Webhooks and exports of WooCommerce as touchpoints: pure."""
