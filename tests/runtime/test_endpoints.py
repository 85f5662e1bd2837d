"""The table endpoint -> test is whole: no route without a test, no mark without a route."""

from nodecore.web.routes import ROUTES
from tests.runtime.endpoints import endpoints, routes, table


def test_every_route_has_a_test_that_names_it() -> None:
    """A new route fails here until a test is marked with it."""
    named = endpoints()
    assert [route for route in routes() if route not in named] == []


def test_no_test_names_a_route_that_is_not_there() -> None:
    """A renamed route fails here."""
    known = set(routes())
    assert {name: tests for name, tests in endpoints().items() if name not in known} == {}


def test_no_route_stands_twice() -> None:
    """The second would never be asked."""
    asked = [(method, path) for method, path, _ in ROUTES]
    assert len(asked) == len(set(asked))


def test_the_table_has_a_line_for_each_route() -> None:
    """`python -m tests.runtime.endpoints` prints it."""
    lines = table().splitlines()
    assert len(lines) == len(ROUTES) + 2
    assert all("::test" in line for line in lines[2:])
