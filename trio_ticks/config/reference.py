"""From the text ``module:name`` to the object it names."""

from __future__ import annotations

import difflib
import functools
import importlib
from types import ModuleType
from typing import Any

from trio_ticks.errors import ConfigError, in_one_line

SHOWN = 5
"""Names of a module that are told where none of them resembles the one that is missing."""


def load_object(reference: str) -> Any:
    """Import a module and return one of its attributes, which may be dotted.

    Raises:
        ConfigError: There is no such module or attribute, or the module fails. One line.
    """
    module_name, colon, attribute = reference.partition(":")
    if not (module_name and colon and attribute):
        raise ConfigError(f"{reference!r} names no object; accepted is module:name")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        needed = "" if module_name.startswith(missing) else f", which {module_name} imports"
        raise ConfigError(
            f"{reference!r}: there is no module {missing!r}{needed};"
            " it has to be installed, or to lie in the directory where the program is started"
        ) from error
    except Exception as error:  # a module runs foreign code when it is imported
        raise ConfigError(f"{reference!r}: module {module_name!r} fails: {in_one_line(error)}") from error
    try:
        return functools.reduce(getattr, attribute.split("."), module)
    except AttributeError as error:
        instead = _instead_of(attribute, module)
        raise ConfigError(f"{reference!r}: module {module_name!r} has no {attribute!r}; {instead}") from error


def _instead_of(name: str, module: ModuleType) -> str:
    """Return what may have been meant: what a module defines itself, and not what it imports."""
    own = [
        other
        for other, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__ and not other.startswith("_")
    ]
    close = difflib.get_close_matches(name, own, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(own) - SHOWN} more" if len(own) > SHOWN else ""
    return f"it defines {', '.join(own[:SHOWN]) or 'no function and no class'}{more}"
