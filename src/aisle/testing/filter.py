"""What a filter promises: it says for each request what may be shown, and nothing of one request leaks into another."""

from __future__ import annotations

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.request import Request
from aisle.core.stage import Allowed, Filter
from aisle.testing import toys
from aisle.testing.blocks import ask, block, frozen


class FilterSuite:
    """Runs under pytest. A subclass says on which shop and requests its filter has something to forbid, and what."""

    def filter(self, catalogue: Catalogue) -> Filter:
        """The filter over this catalogue."""
        raise NotImplementedError

    def data(self) -> Dataset:
        """The shop; override it with one that has what the filter reads."""
        return toys.bilingual()

    def requests(self) -> list[Request]:
        """Requests of several surfaces."""
        return [ask("home", "u0"), ask("search", query="lamp"), ask("item", "u1", items=["cup_tea"]), ask("home", "nobody")]

    def hidden(self) -> list[set[str]]:
        """For each request the items that must not be shown, no more and no fewer."""
        raise NotImplementedError

    def allowed(self, requests: list[Request]) -> Allowed:
        """What the filter says of a block."""
        data = self.data()
        return self.filter(data.catalogue).allowed(block(data, requests))

    def test_it_hides_what_it_must_and_nothing_else(self) -> None:
        data, requests = self.data(), self.requests()
        allowed = self.allowed(requests)
        for number, wanted in enumerate(self.hidden()):
            mask = allowed.mask(number)
            assert {data.catalogue.ids[int(row)] for row in np.flatnonzero(~mask)} == wanted, requests[number].request_id

    def test_masks_cover_the_catalogue_and_the_block(self) -> None:
        data, requests = self.data(), self.requests()
        allowed = self.allowed(requests)
        assert allowed.shared.shape == (len(data.catalogue),) and allowed.shared.dtype == bool
        assert len(allowed.own) == len(allowed.excluded) == len(requests)
        assert all(own is None or own.shape == allowed.shared.shape for own in allowed.own)

    def test_a_block_answers_as_its_requests_would_alone(self) -> None:
        requests = self.requests()
        together = self.allowed(requests)
        for number, request in enumerate(requests):
            np.testing.assert_array_equal(self.allowed([request]).mask(0), together.mask(number))

    def test_asking_twice_gives_the_same_and_changes_nothing(self) -> None:
        data, requests = self.data(), self.requests()
        asked, kept = block(data, requests), self.filter(data.catalogue)
        before = frozen(asked)
        one = kept.allowed(asked)
        one.mask(0)[:] = False
        two = kept.allowed(asked)
        for number in range(len(requests)):
            np.testing.assert_array_equal(one.mask(number), two.mask(number))
        for name, array in frozen(asked).items():
            np.testing.assert_array_equal(array, before[name], err_msg=name)

    def test_an_empty_block_is_allowed(self) -> None:
        assert len(self.allowed([]).own) == 0
