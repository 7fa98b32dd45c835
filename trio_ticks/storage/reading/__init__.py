"""Reading back what was kept: from a journal, also while it is written, from an archive, or from InfluxDB.

`read` says what is wanted and returns a `Reading`, which reads when it is asked for rows, records or frames. Ticks
become tables column by column, straight from how they were written (`trio_ticks.storage.gathering`); everything else
is rare enough to go through records.
"""

from trio_ticks.storage.reading.journal import OnProgress
from trio_ticks.storage.reading.query import ALL
from trio_ticks.storage.reading.reading import Kind, Reading, read

__all__ = ["ALL", "Kind", "OnProgress", "Reading", "read"]
