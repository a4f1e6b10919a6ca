"""Which picture encoder the settings ask for."""

from __future__ import annotations

from pathlib import Path

from aisle.settings import Pictures
from aisle.vision.descriptor import Descriptor
from aisle.vision.encoder import PictureEncoder
from aisle.vision.network import OnnxPictures


def picture_encoder(settings: Pictures) -> PictureEncoder:
    """The ONNX file that ``[pictures]`` names, else colour and shape. Raises `SettingsError` for a file that is no such network."""
    if not settings.encoder:
        return Descriptor()
    return OnnxPictures(Path(settings.encoder), settings.size, settings.mean, settings.std)
