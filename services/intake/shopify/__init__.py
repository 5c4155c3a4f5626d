"""Webhooks and exports of Shopify as touchpoints: pure."""
