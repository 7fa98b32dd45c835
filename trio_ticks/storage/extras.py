"""Packages that only some users need, imported when they are."""

from __future__ import annotations

import importlib
from typing import Any

from trio_ticks.errors import ConfigError


def extra(module: str, name: str) -> Any:
    """Return a package that comes with one of our extras.

    Args:
        module: The package.
        name: The extra.

    Raises:
        ConfigError: it is not installed; the extra is named.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigError(
            f"{module.partition('.')[0]} is not installed; it comes with: pip install 'trio-ticks[{name}]'"
        ) from None
