"""Which test asks which endpoint: `python -m tests.runtime.endpoints` prints the table.

It is read out of the tests' own marks, `@pytest.mark.endpoint("GET /path", ...)`, so it cannot be out of
date; test_endpoints.py sees to it that no route of the application is without a test.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from nodecore.web.routes import ROUTES

TESTS = Path(__file__).parent.parent


def endpoints() -> dict[str, list[str]]:
    """Every marked endpoint and the tests that name it, as `folder/file.py::test`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for test, endpoint in _marks(path):
            found[endpoint].append(f"{path.relative_to(TESTS)}::{test}")
    return dict(found)


def routes() -> list[str]:
    """Every route of the application, as marks spell them."""
    return [f"{method} {path}" for method, path, _ in ROUTES]


def table() -> str:
    """Markdown: endpoint, tests."""
    named = endpoints()
    rows = [
        f"| `{route}` | {', '.join(f'`{test}`' for test in named.get(route, []))} |" for route in routes()
    ]
    return "\n".join(["| endpoint | tests |", "|---|---|", *rows])


def _marks(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.endpoint":
                    yield from ((node.name, ast.literal_eval(route)) for route in mark.args)


if __name__ == "__main__":
    print(table())
