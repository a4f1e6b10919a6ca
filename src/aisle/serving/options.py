"""The state folder's ``serving.toml`` as one typed tree: who may see what, and how much is taken on. Every key has a default that works."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from aisle.core.errors import SettingsError
from aisle.core.nearest import mend_of

FILE = "serving.toml"
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.\-\[\]:]+$")]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.\-:]+$", to_lower=True)]


class Options(BaseModel):
    """All of ``serving.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    storefront: Literal["private", "public"] = Field(
        default="private", description="`public`: shoppers need no key for the storefront and what it reads; all else still does"
    )
    origins: tuple[Origin, ...] = Field(default=(), description="addresses of shop pages whose scripts may ask and report events (CORS)")
    hosts: tuple[Host, ...] = Field(default=(), description="host names to answer to beside loopback; absent: with keys any, without none")
    threads: int = Field(default=2, ge=1, le=32, description="requests that one worker answers at once")
    patience_ms: float = Field(default=60, gt=0, le=10_000, description="a request that would wait longer in line is refused (503)")
    requests_per_second: float = Field(default=0, ge=0, description="what one key may ask of one worker, else 429; 0: no bound")


def load(folder: Path) -> Options:
    """Read ``folder/serving.toml``; a folder without one gets the defaults.

    Raises `SettingsError` naming the file and key (broken TOML: the line) and the mend.
    """
    path = folder / FILE
    if not path.exists():
        return Options()
    try:
        return Options.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.", "Mend that line; text values need quotes.") from None
    except ValidationError as error:
        raise _explain(path, error) from None


def _explain(path: Path, error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        return SettingsError(f"{path}: setting `{key}`: {first['msg']}.", "Correct the value or remove the line.")
    return SettingsError(f"{path}: unknown setting `{key}`.", mend_of(key, Options.model_fields, "Remove the line."))
