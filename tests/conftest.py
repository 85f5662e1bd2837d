"""pytester runs pytest inside a test; all else that tests need is a fixture of the plugin."""

import pytest

import nodecore.raft  # noqa: F401 - before a test imports PySyncObj, which breaks `socket.inet_ntop` by itself

pytest_plugins = ["pytester"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "endpoint(*routes): routes this test asks, as `GET /path`; every route has one"
    )
