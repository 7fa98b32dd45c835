"""The Autobahn test suite against the batched transport.

Run from the root of the repository, with the extra ``campaigns`` installed::

    python -m tests.campaigns.autobahn                          with kosoku: about ten minutes
    python -m tests.campaigns.autobahn --wstest PATH            with the original: about half an hour
    python -m tests.campaigns.autobahn --cases '6.*' 7.1.1      some cases; nothing is written

The suite is started, serves its cases to an echo client on the transport, and judges it. What it says goes into
``docs/autobahn.md``. The command fails where a case did, or is passed in a way that nobody has explained.
"""
