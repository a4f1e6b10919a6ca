"""A bundle and the facts that came after it: one shop that answers from both (`aisle.live.shop.LiveShop`)."""

from aisle.live.shop import LiveShop

__all__ = ["LiveShop"]
