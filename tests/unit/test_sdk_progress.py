"""The line that shows where an inference stands, in a terminal's stead and in a real notebook."""

import subprocess
import sys
import warnings

import pytest

CELL = """
from p2pnode.sdk.progress import show_progress

with show_progress(None, "<digits>") as show:
    for name in ("offer.published", "bid.received", "award.sent"):
        show(name, {})
    show("task.progress", {"progress": "segment 1 of 2"})
    show("task.failed", {"reason": "the worker is gone"})
"""


def test_a_notebook_shows_a_bar_in_its_cell() -> None:
    with warnings.catch_warnings():
        # Jupyter's own: where its files will be in its next release.
        warnings.simplefilter("ignore")
        from nbclient import NotebookClient
        from nbformat import v4

        book = v4.new_notebook(cells=[v4.new_code_cell(CELL)])  # type: ignore[no-untyped-call]
        NotebookClient(book, timeout=300, kernel_name="python3").execute()
    (output,) = book.cells[0].outputs
    assert output.output_type == "display_data"
    # The notebook keeps the newest form of what is updated in place.
    assert output.data["text/plain"] == "5 of 6  <digits>: the worker is gone"
    assert output.data["text/html"] == (
        '<progress max="6" value="5"></progress> &lt;digits&gt;: the worker is gone'
    )


@pytest.mark.parametrize(("wanted", "shown"), [("None", False), ("True", True), ("False", False)])
def test_elsewhere_it_is_shown_to_a_person_or_on_demand(wanted: str, shown: bool) -> None:
    script = CELL.replace("None", wanted)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ("the worker is gone" in done.stderr) == shown
    assert done.stdout == ""
