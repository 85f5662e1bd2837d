"""A node answers as the OpenAPI document that it serves says: schemathesis asks all that the document allows.

Not collected with the suite: `python -m tests.fuzz documented` runs it with as many examples as are wanted;
needs schemathesis, the extra `fuzz`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import given
from schemathesis import Case, CheckContext, GenerationMode, Response, checks

from nodecore.web.routes import ROUTES
from tests.runtime.node_process import NodeProcess, node_process


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A lone node as its users start it, without an identity: it takes anybody for a member."""
    with node_process(tmp_path_factory.mktemp("node"), "--name", "s1", *ANY_PORT) as started:
        yield started
        assert "event=request_failed" not in started.log_text()


@pytest.fixture(scope="module")
def api(node: NodeProcess) -> schemathesis.BaseSchema:
    """The document that it serves."""
    return schemathesis.openapi.from_url(f"{node.ready['client_url']}/openapi.json")


def never_500(_context: CheckContext, response: Response, _case: Case[Any]) -> None:
    """501 and 503 say what they mean and are documented; a 500 is a defect."""
    assert response.status_code != 500, response.text


ANY_PORT = ("--client-port", "0")
CHECKED: list[Any] = [
    never_500,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.mark.parametrize(("method", "path"), [route[:2] for route in ROUTES])
def test_it_answers_as_documented(
    method: str, path: str, api: schemathesis.BaseSchema, node: NodeProcess
) -> None:
    """Whatever its description allows, and what not: a documented status and body, never a 500."""
    operation = api[path][method]
    for mode in GenerationMode if takes_anything(operation.definition.raw) else (GenerationMode.POSITIVE,):

        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Case[Any]) -> None:
            case.call_and_validate(session=node.session, checks=CHECKED)

        ask()


def takes_anything(described: Mapping[str, Any]) -> bool:
    """Whether there is something in an operation's requests that could be other than described."""
    return bool(described.get("parameters") or "requestBody" in described)
