"""``python -m trio_ticks``: the command line."""

from trio_ticks.app.cli import main

if __name__ == "__main__":
    main()
