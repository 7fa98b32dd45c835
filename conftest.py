"""Settings that every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: two shared cores make the clock a bad judge. `deep` is the campaign outside CI.
settings.register_profile("default", deadline=None, max_examples=100)
settings.register_profile("ci", deadline=None, max_examples=100, derandomize=True, print_blob=True)
settings.register_profile("deep", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))

# A proxy of the developer's own would stand between the tests and their servers on this machine.
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
for name in PROXIES:
    os.environ.pop(name, None)
    os.environ.pop(name.upper(), None)
