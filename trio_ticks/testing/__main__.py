"""``python -m trio_ticks.testing simulate --seeds 0:300``."""

import sys

from trio_ticks.testing.world.command import main

if __name__ == "__main__":
    sys.exit(main())
