"""Which codes there are, and which of a list a client gets: the same for a subscription and for an HTTP query."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from trio_ticks.sim.rules import service_of
from trio_ticks.sim.switches import Switches

OK, UNKNOWN, OVER_LIMIT, UNAUTHORIZED = 200, 600, 603, 604


@attrs.frozen(kw_only=True)
class Choice:
    """What becomes of a list of codes.

    Attributes:
        ret: 200, or why the list is refused.
        codes: Those that are served; none where it is refused.
        violation: The vendor's rule that the list breaks, or "".
    """

    ret: int
    codes: tuple[str, ...] = ()
    violation: str = ""


@attrs.frozen(kw_only=True)
class Catalogue:
    """Every code there is, and those that the token may have.

    Attributes:
        known: On either service; a code's suffix says which.
        entitled: None: all of them.
    """

    known: Collection[str]
    entitled: Collection[str] | None
    switches: Switches

    def ret(self, code: str, service: str) -> int:
        """Return 200, or the code of the table that says why a product cannot be had."""
        if code not in self.known or service_of(code) != service:
            return UNKNOWN
        return OK if self.entitled is None or code in self.entitled else UNAUTHORIZED

    def choose(self, codes: Sequence[str], service: str, *, limit: int) -> Choice:
        """Return which of the codes are served.

        Args:
            codes: As the client asked for them, the more important first.
            service: Where it asked.
            limit: How many the plan allows.
        """
        violation = "too many codes" if len(codes) > limit else ""
        if violation and self.switches.too_many_codes == "603":
            return Choice(ret=OVER_LIMIT, violation=violation)
        codes = codes[:limit]
        rets = [self.ret(code, service) for code in codes]
        served = tuple(code for code, ret in zip(codes, rets, strict=True) if ret == OK)
        if len(served) < len(codes) and (self.switches.bad_code == "fail" or not served):
            return Choice(ret=next(ret for ret in rets if ret != OK), violation=violation)
        return Choice(ret=OK, codes=served, violation=violation)
