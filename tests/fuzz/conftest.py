"""The embedded link server that the fuzzing of its calls and of its bytes share.

Invariant: it outlives a module's examples, and what it logged has no traceback.
"""

from collections.abc import Iterator

import pytest

from tests.contract.server import Server
from tests.contract.start import Servers


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One embedded server for all; it must outlive them, and log no traceback."""
    folder = tmp_path_factory.mktemp("links")
    with Servers(folder) as servers:
        started = servers.get("embedded")
        yield started
        started.is_alive()
        assert "Traceback" not in (folder / "embedded.log").read_text()
