"""The command line of the experiment."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import trio
from rich.console import Console

from bench.polling.experiment import Setting, run
from bench.polling.report import Circumstances, as_json, by_recording, conditions, disturbance, markdown, table

QUICK = Setting(seconds=15.0, warm_up_s=5.0)
"""Too short for the free plan, which needs 30 s to ask for each symbol once; all else is as in the long run."""


def main() -> None:
    """Run the experiment, print its table, and write what is asked for."""
    options = _options()
    circumstances = Circumstances(os.getloadavg()[0])
    setting = QUICK if options.quick else Setting()
    console = Console()
    console.print(f"{circumstances}; {setting.warm_up_s + setting.seconds:g} s …")
    result = trio.run(run, setting)
    console.print(table(result))
    console.print(disturbance(result))
    for outcome in result.outcomes:
        if outcome.violations:
            console.print(f"{outcome.name}, {outcome.plan}: broke the vendor's rules: {dict(outcome.violations)}")
    if options.json:
        options.json.write_text(json.dumps(as_json(result, circumstances), indent=2) + "\n", encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(
            "\n".join((markdown(result), conditions(result, circumstances), by_recording(result))), encoding="utf-8"
        )
    if options.chart:
        # Only who wants a picture needs matplotlib.
        from bench.polling.chart import draw  # noqa: PLC0415

        draw(result, options.chart)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.polling", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 s instead of 90")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables for a page")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="write a picture (.png or .svg); needs matplotlib")
    return parser.parse_args()


if __name__ == "__main__":
    main()
