"""The data contract: which tables a shop's folder holds, their columns, types and meaning. Everything else reads it from here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a column's text is turned into."""

    ID = "id"  # kept as text, leading zeros and all
    TEXT = "text"
    CATEGORY = "category"  # text, `|` between several values, ` > ` inside a path
    NUMBER = "number"
    INTEGER = "integer"
    TIME = "time"  # ISO 8601, Unix seconds or milliseconds; stored as UTC seconds
    TRUTH = "truth"  # true/false/1/0/yes/no/是/否; absent is unknown
    EVENT_TYPE = "event_type"


@dataclass(frozen=True)
class Column:
    """One column of a table; ``required`` columns must be there and a row without a value in them is rejected."""

    kind: Kind
    required: bool = False
    meaning: str = ""


ITEMS = {
    "item_id": Column(Kind.ID, required=True, meaning="the shop's own id"),
    "title": Column(Kind.TEXT, required=True, meaning="what a shopper reads first"),
    "title_en": Column(Kind.TEXT, meaning="the English title where `title` is in another language"),
    "title_zh": Column(Kind.TEXT, meaning="the Chinese title where `title` is in another language"),
    "description": Column(Kind.TEXT),
    "category": Column(Kind.CATEGORY, meaning="may be a path: Home > Lamps"),
    "brand": Column(Kind.CATEGORY),
    "price": Column(Kind.NUMBER),
    "currency": Column(Kind.CATEGORY),
    "in_stock": Column(Kind.TRUTH, meaning="absent is unknown"),
    "created_at": Column(Kind.TIME, meaning="when the item came into the shop"),
    "updated_at": Column(Kind.TIME, meaning="when the row was true; of several rows of one item the newest counts"),
    "available_from": Column(Kind.TIME),
    "available_until": Column(Kind.TIME),
    "image": Column(Kind.TEXT, meaning="an address or path"),
    "language": Column(Kind.CATEGORY, meaning="en, zh"),
    "parent_id": Column(Kind.ID, meaning="variants of one product share it"),
}

EVENTS = {
    "timestamp": Column(Kind.TIME, meaning="or `order`, one of the two"),
    "order": Column(Kind.INTEGER, meaning="the order within one user, for logs without a clock"),
    "type": Column(Kind.EVENT_TYPE, required=True),
    "item_id": Column(Kind.ID, meaning="needed by all types but query and message"),
    "user_id": Column(Kind.ID, meaning="or `session_id`, one of the two"),
    "session_id": Column(Kind.ID),
    "event_id": Column(Kind.ID, meaning="absent: the hash of the row's fields"),
    "query": Column(Kind.TEXT),
    "rank": Column(Kind.INTEGER, meaning="position on the page, 0 first"),
    "propensity": Column(Kind.NUMBER, meaning="of an impression: the probability with which the shop's ranking put the item at this rank"),
    "surface": Column(Kind.CATEGORY),
    "quantity": Column(Kind.NUMBER),
    "price": Column(Kind.NUMBER),
    "rating": Column(Kind.NUMBER),
    "text": Column(Kind.TEXT),
    "dwell_ms": Column(Kind.NUMBER),
    "request_id": Column(Kind.ID),
    "consent": Column(Kind.TRUTH),
}

USERS = {"user_id": Column(Kind.ID, required=True)}

JUDGEMENTS = {
    "query": Column(Kind.TEXT, required=True),
    "item_id": Column(Kind.ID, required=True),
    "grade": Column(Kind.NUMBER, required=True, meaning="higher is better"),
    "split": Column(Kind.CATEGORY, meaning="train, dev or test; the same for all rows of a query"),
}

LABELS = {"user_id": Column(Kind.ID, required=True), "label": Column(Kind.INTEGER, required=True, meaning="1 known abuser, 0 known honest")}
EXAMPLES = {"text": Column(Kind.TEXT, required=True), "intent": Column(Kind.CATEGORY, required=True)}
RELATIONS = {"user_id": Column(Kind.ID, required=True), "other_user_id": Column(Kind.ID, required=True)}

TABLES: dict[str, dict[str, Column]] = {
    "items": ITEMS,
    "events": EVENTS,
    "users": USERS,
    "judgements": JUDGEMENTS,
    "labels": LABELS,
    "examples": EXAMPLES,
    "relations": RELATIONS,
}

EVENT_TYPES = ("impression", "click", "favourite", "cart", "purchase", "sale", "return", "rating", "dismiss", "query", "message")
"""A type's code is its place here; codes are stored in bundles, so new types go to the end."""

EVENT_CODE = {name: code for code, name in enumerate(EVENT_TYPES)}

SESSION_ACTOR = "session:"
"""How the name of an actor begins who is a session that no user claimed."""

EVENT_WORDS = {
    "view": "click", "detail": "click", "pv": "click", "pageview": "click", "浏览": "click", "点击": "click",
    "fav": "favourite", "favorite": "favourite", "wishlist": "favourite", "like": "favourite", "收藏": "favourite",
    "add_to_cart": "cart", "addtocart": "cart", "basket": "cart", "加购": "cart", "加入购物车": "cart",
    "buy": "purchase", "order": "purchase", "transaction": "purchase", "购买": "purchase", "下单": "purchase", "支付": "purchase",
    "refund": "return", "cancel": "return", "退货": "return", "退款": "return",
    "exposure": "impression", "show": "impression", "曝光": "impression", "展示": "impression",
    "review": "rating", "评价": "rating", "评分": "rating", "search": "query", "搜索": "query", "hide": "dismiss", "不感兴趣": "dismiss",
    "卖出": "sale", "消息": "message",
}  # fmt: skip
"""What other shops call our event types, lower case."""
