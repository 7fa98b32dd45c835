"""Settings, and the one place that reads the environment for them."""

from __future__ import annotations

import os


class Secret:
    """A text that must not be seen: a token or a password.

    It prints as ``***`` everywhere, so that no log, traceback or report can show it by accident.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))


def secret_from_env(name: str) -> Secret | None:
    """Return an environment variable as a secret, or None where it is not set or empty."""
    text = os.environ.get(name, "")
    return Secret(text) if text else None
