"""The source by pictures: items that look like those a page or a person starts from; an item needs no event, only a picture."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Self

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.retrieval.base import load_settings, save_settings
from aisle.retrieval.by_vector import LikeHistory
from aisle.retrieval.picture_vectors import Advance, PictureVectors
from aisle.vision.descriptor import Descriptor
from aisle.vision.encoder import PictureEncoder


class Pictures(LikeHistory):
    """Silent on items without a picture, and for who starts from none that has one."""

    name = "pictures"
    surfaces = frozenset({"home", "item", "basket", "similar", "rank"})

    def __init__(self, encoder: PictureEncoder | None = None, vectors: PictureVectors | None = None, decay: float = 0.8) -> None:
        self._encoder, self._vectors, self.decay = encoder, vectors, decay

    @property
    def vectors_(self) -> PictureVectors:
        """The pictures' vectors."""
        if self._vectors is None:
            raise ValueError("fit or load first")
        return self._vectors

    def fit(self, data: Dataset, advance: Advance = lambda _done, _all: None) -> Self:
        """Read and encode the pictures in the shop's folder; those that the vectors at hand know are not encoded again."""
        encoder = self._encoder or Descriptor()
        self._vectors = PictureVectors.of(encoder, data.catalogue, data.folder, self._vectors, advance)
        return self

    def by(self, encoder: PictureEncoder) -> Self:
        """The same, which encodes by ``encoder`` what it does not know when it is fitted again."""
        found = copy(self)
        found._encoder = encoder
        return found

    def save(self, folder: Path) -> None:
        """Write the vectors; the encoder is not kept, since no answer asks it."""
        save_settings(folder, self.settings())
        self.vectors_.save(folder)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        return cls(vectors=PictureVectors.load(folder), **load_settings(folder))
