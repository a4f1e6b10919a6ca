"""Errors that a user can mend: each says what is wrong, where, and what to do; the edge prints them without a stack trace."""

from __future__ import annotations


class AisleError(Exception):
    """A user's mistake or a broken input.

    ``what`` names the file, row, column or setting; ``mend`` says what to do about it. The command line prints both and
    ends with status 1; the HTTP edge turns ``code`` and ``what`` into problem details.
    """

    code = "failed"

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(f"{what} {mend}".strip())
        self.what = what
        self.mend = mend


class InputError(AisleError):
    """A file, row or column that cannot be read."""

    code = "bad_input"


class SettingsError(AisleError):
    """An unknown or impossible setting in ``aisle.toml``."""

    code = "bad_settings"


class RequestError(AisleError):
    """A request that cannot be understood: wrong type, unknown surface, out-of-range number."""

    code = "bad_request"


class BundleError(AisleError):
    """A bundle that is missing, damaged or from an incompatible version."""

    code = "bad_bundle"


class StageError(AisleError):
    """A stage broke a promise of the pipeline: wrong length, an overwritten column, a column that a filter needs is absent."""

    code = "stage_failed"


class RefusedError(AisleError):
    """What was made is worse than what runs, so it does not take its place."""

    code = "refused"


class StateError(AisleError):
    """The state folder cannot be read, or what was to be kept could not be put on disk: then nothing was acknowledged."""

    code = "state_failed"
