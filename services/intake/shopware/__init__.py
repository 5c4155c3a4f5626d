"""Webhooks and exports of Shopware 6 as touchpoints: pure."""
