"""The real shops that have a log of events: Online Retail (whole, and cut in time), Amazon Beauty, a US grocer's households."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.folders import Folder, Pair, Row, lines, read, relevant

HELD_OUT_DAYS = 28
NO_PRODUCTS = {"POST", "D", "M", "DOT", "CRUK", "C2", "S", "B", "PADS", "AMAZONFEE", "BANK CHARGES"}

ONLINE_RETAIL = """
name = "Online Retail"

[[sources]]                      # one invoice file gives the items ...
file = "online_retail.csv.gz"
table = "items"
columns = { item_id = "StockCode", title = "Description", price = "UnitPrice" }

[[sources]]                      # ... the purchases ...
file = "online_retail.csv.gz"
table = "events"
constants = { type = "purchase" }
where = "InvoiceNo NOT LIKE 'C%'"
[sources.columns]
timestamp = "InvoiceDate"
user_id = "CustomerID"
session_id = "InvoiceNo"
item_id = "StockCode"
quantity = "Quantity"
price = "UnitPrice"

[[sources]]                      # ... and the returns: an invoice whose number starts with C
file = "online_retail.csv.gz"
table = "events"
constants = { type = "return" }
where = "InvoiceNo LIKE 'C%'"
[sources.columns]
timestamp = "InvoiceDate"
user_id = "CustomerID"
session_id = "InvoiceNo"
item_id = "StockCode"
quantity = "Quantity"
price = "UnitPrice"
"""


def online_retail(raw: Path, folder: Folder) -> None:
    """The raw invoice file, mapped as a user would map it."""
    folder.copy(raw / "online_retail" / "online_retail.csv.gz")
    folder.settings(ONLINE_RETAIL)


def online_retail_cut(raw: Path, folder: Folder) -> None:
    """The same up to the last 28 days; what known customers bought in those is the truth, of all their purchases and of new items only."""
    rows = list(read(raw / "online_retail" / "online_retail.csv.gz"))
    newest = datetime.fromisoformat(max(row["InvoiceDate"] for row in rows))
    cut = str(newest.date() - timedelta(days=HELD_OUT_DAYS))
    before = [row for row in rows if row["InvoiceDate"] < cut]
    folder.raw("online_retail.csv.gz", before)
    folder.settings(ONLINE_RETAIL)
    sold = {row["StockCode"] for row in before if int(row["Quantity"]) > 0}
    later = _bought(row for row in rows if row["InvoiceDate"] >= cut and row["StockCode"] in sold)
    _later_purchases(folder, _bought(before), later)


def _bought(rows: Iterable[Row]) -> dict[str, set[str]]:
    """Customer to the products bought, cancellations left out."""
    bought: dict[str, set[str]] = defaultdict(set)
    for row in filter(is_purchase, rows):
        bought[row["CustomerID"]].add(row["StockCode"])
    return bought


def is_purchase(row: Row) -> bool:
    """A known customer bought a product: no cancellation, no postage, no gift voucher."""
    product = row["StockCode"] not in NO_PRODUCTS and not row["StockCode"].startswith("gift_")
    return bool(row["CustomerID"]) and product and int(row["Quantity"]) > 0 and not row["InvoiceNo"].startswith("C")


def _later_purchases(folder: Folder, before: dict[str, set[str]], later: dict[str, set[str]]) -> None:
    known = sorted(set(before) & set(later))
    folder.protocol("all_purchases", (_home(user, later[user], exclude_seen=False) for user in known))
    fresh = ((user, later[user] - before[user]) for user in known)
    folder.protocol("new_purchases", (_home(user, items, exclude_seen=True) for user, items in fresh if items))


def _home(user: str, items: set[str], exclude_seen: bool) -> Pair:
    return {"surface": "home", "user_id": user, "exclude_seen": exclude_seen, "limit": 100}, relevant(items)


def amazon_beauty(raw: Path, folder: Folder) -> None:
    """Each user's purchases but the last one, which is the truth. Rows stand in random order, so that no place in a file says anything."""
    sequences = [line.split() for line in lines(raw / "amazon_beauty" / "sequences.txt.gz")]
    titles = dict(line.split(" ", 1) for line in lines(raw / "amazon_beauty" / "item_text.txt.gz"))
    dice = Random(7)
    dice.shuffle(sequences)
    items = sorted(titles)
    dice.shuffle(items)
    folder.table("items", ("item_id", "title"), ((item, titles[item] or item) for item in items))
    events = [(user, item, order, "purchase") for user, *history in sequences for order, item in enumerate(history[:-1])]
    folder.table("events", ("user_id", "item_id", "order", "type"), events)
    folder.settings('name = "Amazon Beauty"')
    folder.protocol("last_item", (_home(user, {history[-1]}, exclude_seen=True) for user, *history in sequences))


def completejourney(raw: Path, folder: Folder) -> None:
    """The grocer's sample up to the last 28 days, with households as users; later purchases are the truth."""
    source = raw / "completejourney"
    rows = list(read(source / "transactions_sample.csv.gz"))
    cut = max(float(row["transaction_timestamp"]) for row in rows) - HELD_OUT_DAYS * 86_400
    old = [row for row in rows if float(row["transaction_timestamp"]) < cut]
    folder.table("items", ("item_id", "title", "category", "brand", "manufacturer"), map(_grocery, read(source / "products.csv.gz")))
    columns = ("timestamp", "type", "user_id", "session_id", "item_id", "quantity", "price")
    folder.table("events", columns, (_checkout(row) for row in old))
    people = list(read(source / "demographics.csv.gz"))
    folder.table("users", ("user_id", *list(people[0])[1:]), (tuple(row.values()) for row in people))
    folder.settings('name = "Complete Journey"')
    sold = {row["product_id"] for row in old}
    later = (row for row in rows if float(row["transaction_timestamp"]) >= cut and row["product_id"] in sold)
    _later_purchases(folder, _baskets(old), _baskets(later))


def _grocery(row: Row) -> tuple[str, ...]:
    words = [row["product_type"] or row["product_category"] or row["department"], row["package_size"]]
    category = " > ".join(part for part in (row["department"], row["product_category"], row["product_type"]) if part)
    return row["product_id"], " ".join(filter(None, words)) or row["product_id"], category, row["brand"], row["manufacturer_id"]


def _checkout(row: Row) -> tuple[object, ...]:
    quantity = float(row["quantity"])
    price = float(row["sales_value"]) / quantity if quantity else None
    stamp = int(float(row["transaction_timestamp"]))
    return stamp, "purchase", row["household_id"], row["basket_id"], row["product_id"], quantity, price


def _baskets(rows: Iterable[Row]) -> dict[str, set[str]]:
    bought: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        bought[row["household_id"]].add(row["product_id"])
    return bought
