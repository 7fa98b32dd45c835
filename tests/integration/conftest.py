"""What holds for one transport holds for the other."""

from __future__ import annotations

from typing import cast, get_args

import pytest

from trio_ticks.config import Transport
from trio_ticks.runtime.transport import OpenLink, opener


@pytest.fixture(params=get_args(Transport))
def open_link(request: pytest.FixtureRequest) -> OpenLink:
    """Each transport that a configuration can name."""
    return opener(cast("Transport", request.param))
