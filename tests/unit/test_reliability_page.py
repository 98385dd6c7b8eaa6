"""docs/reliability.md is what the last run of the deep tests counted, and nothing was lost in it."""

import json

from benchmarks.reliability import PAGE, RESULTS, page


def test_the_page_is_that_of_the_results() -> None:
    assert PAGE.read_text() == page(json.loads(RESULTS.read_text()))


def test_nothing_was_lost() -> None:
    for part in json.loads(RESULTS.read_text()).values():
        for found in part["found"]:
            assert not any(
                found.get(name) for name in ("lost", "paid_twice", "slashable", "without_receipt")
            ), found
