"""Settings that every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: two shared cores make the clock a bad judge. `deep` is the campaign outside CI.
settings.register_profile("default", deadline=None, max_examples=100)
settings.register_profile("ci", deadline=None, max_examples=200, derandomize=True, print_blob=True)
settings.register_profile("deep", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))
