"""pytester runs pytest inside a test; all else that tests need is a fixture of the plugin."""

import gc

import pytest

import nodecore.raft  # noqa: F401 - before a test imports PySyncObj, which breaks `socket.inet_ntop` by itself

pytest_plugins = ["pytester"]


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("hypothesispytest") and not config.getoption("--hypothesis-profile"):
        _let_examples_take_their_time()
    config.addinivalue_line(
        "markers", "endpoint(*routes): routes this test asks, as `GET /path`; every route has one"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """mypy needs half a minute where it never ran: at the end, all others would wait for it."""
    items.sort(key=lambda item: item.path.name != "test_tidy.py")


def pytest_collection_finish() -> None:
    """What is collected lives to the end: not to be looked through in every garbage collection."""
    gc.freeze()


def _let_examples_take_their_time() -> None:
    """How long drawing and running an example takes is the machine's doing: no reason for a test to fail."""
    from hypothesis import HealthCheck, settings  # noqa: PLC0415 - runs without it are spared a second

    settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("suite")
