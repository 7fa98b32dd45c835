"""A text that must not be printed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NoReturn, final

import attrs

HIDDEN = "***"


@final
class Secret:
    """Carries a token past everything that prints, logs, pickles or encodes.

    It is no ``str``, so an encoder refuses it instead of writing it down, and no attrs record, so ``asdict``
    leaves it closed. Only `reveal` gives the text.

    Raises:
        TypeError: The value is no text. It is not shown.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError("a secret is a text")
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: reveal() it where it is needed")


def secret_from_env(name: str) -> Secret | None:
    """Return an environment variable as a secret, or None where it is unset or empty."""
    text = os.environ.get(name)
    return Secret(text) if text else None


def secrets_in(value: object) -> list[str]:
    """Return the texts of all secrets in a record, however deep."""
    if isinstance(value, Secret):
        return [value.reveal()]
    kind = type(value)
    if attrs.has(kind):
        value = [getattr(value, field.name) for field in attrs.fields(kind)]
    elif isinstance(value, Mapping):
        value = list(value.values())
    return [text for item in value for text in secrets_in(item)] if isinstance(value, list | tuple) else []


def concealed(value: Secret | str | None) -> Secret | None:
    """Wrap a token that was given as a plain text, as a file gives it."""
    return Secret(value) if isinstance(value, str) else value
