"""From a bundle store on disk to a shop that answers."""

from __future__ import annotations

from pathlib import Path

from aisle.assemble import opened
from aisle.bundle import Bundle, Store, verify
from aisle.core.errors import BundleError
from aisle.core.threads import one_thread
from aisle.query.complete import Completer
from aisle.retrieval.lexical import Lexical
from aisle.settings import Settings
from aisle.shop import Shop


def open_shop(path: Path) -> Shop:
    """Open a bundle, or a store's active one, after checking its hashes.

    Raises `BundleError` when there is none, or when it is damaged or from an incompatible version.
    """
    _, folder = Store.at(path)
    return shop_of(verify(folder))


def shop_of(bundle: Bundle) -> Shop:
    """A shop over a bundle that was verified."""
    one_thread()
    settings = Settings.model_validate(bundle.manifest["settings"])
    try:
        pipeline = opened(bundle.folder, settings)
        completer = Completer.load(bundle.folder / "completions")
    except (OSError, KeyError, ValueError) as error:
        raise BundleError(f"{bundle.bundle_id} cannot be opened: {error}.", "Roll back to another bundle or train again.") from error
    lexical = pipeline.sources.get("lexical")
    return Shop(bundle.bundle_id, pipeline, completer, lexical if isinstance(lexical, Lexical) else None, settings.name, settings.language)
