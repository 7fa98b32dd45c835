"""The whole engine in a world whose every decision comes from one seed: vendor, network, disk, database, crashes."""

from trio_ticks.testing.world.world import Outcome, simulate_seed

__all__ = ["Outcome", "simulate_seed"]
