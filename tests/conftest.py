"""pytester runs pytest inside a test; all else that tests need is a fixture of the plugin."""

pytest_plugins = ["pytester"]
