"""Deep & Cross keeps what a click-through model promises."""

from __future__ import annotations

from aisle.ranking.ctr.base import Ctr
from aisle.testing.ctr import CtrSuite
from tests.ranking.ctr.small import small


class TestDcn(CtrSuite):
    def model(self) -> Ctr:
        return small("dcn")
