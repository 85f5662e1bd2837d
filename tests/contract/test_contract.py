"""One contract, three servers: the real Toxiproxy, the embedded one, and a deaf double that must fail."""

from collections.abc import Iterator

import pytest

from tests.contract.catalogue import Check, checks, verify
from tests.contract.start import SERVERS, Servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("contract")) as servers:
        yield servers


@pytest.mark.parametrize("check", checks(), ids=str)
@pytest.mark.parametrize("name", SERVERS)
def test_the_server_keeps_the_contract(servers: Servers, check: Check, name: str) -> None:
    """The deaf double answers as the real one does, and fails each check of what is done to bytes."""
    verify(check, servers.get(name))
