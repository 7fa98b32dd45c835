"""``[log]``: what the program says about itself, and in which form."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from trio_ticks.config import rules

LogFormat: TypeAlias = Literal["console", "json"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error", "critical"]


@attrs.frozen(kw_only=True)
class LogConfig:
    """``[log]``: the program's log on standard error. A library that embeds the engine has one of its own.

    Attributes:
        format: ``console``, a line for people, or ``json``, an object a line for programs.
        level: What is less than that is not said. ``-v`` on the command line says more all the same.
        repeats_per_min: The same words, whatever the numbers in them, are said so often in a minute; after it, how
            often they were held back.
    """

    format: LogFormat = attrs.field(default="console", validator=rules.one_of(LogFormat))
    level: LogLevel = attrs.field(default="info", validator=rules.one_of(LogLevel))
    # A vendor that accepts and hangs up is told of some ten times in the first minute, which shows how it goes; a
    # night of it would fill the disk. Fewer hides how a fault begins.
    repeats_per_min: int = attrs.field(default=10, validator=rules.count(1))
