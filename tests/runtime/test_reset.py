"""Who may reset a node over HTTP, and what an observer sees of what is under way."""

import pytest

from nodecore.core.enquiries import ResetNode
from nodecore.core.events import ClientRequest
from tests.runtime.application import wsgi_client
from tests.runtime.scripted import ScriptedCore, config

RESET = "/cutheal/reset"


@pytest.mark.endpoint("POST /cutheal/reset")
def test_a_member_of_the_cluster_resets_a_node() -> None:
    """The data are gone; without the identity nobody is let in, and nothing happens."""
    with wsgi_client(node_config=config(identity_header="X-Id", identity_value="secret")) as ask:
        ask("POST", "/nacos/v1/ns/instance", {"serviceName": "a", "ip": "10.0.0.1", "port": 80})
        for headers in ({}, {"X-Id": "guess"}):
            assert ask("POST", RESET, headers=headers).status == 403
        assert ask("GET", "/cutheal/state").json()["services"]
        answer = ask("POST", RESET, headers={"X-Id": "secret"})
        assert (answer.status, answer.text) == (200, "ok")
        state = ask("GET", "/cutheal/state").json()
    assert (state["services"], state["pending"], state["calls"], state["requests"]) == ({}, 0, 0, 0)


def test_a_node_that_anybody_may_speak_to_cannot_be_reset() -> None:
    """Open to foreign members is not open to who would empty it; the core is never asked."""
    core = ScriptedCore()
    with wsgi_client(core) as ask:
        answer = ask("POST", RESET)
    assert (answer.status, "only a node that has an identity header" in answer.text) == (403, True)
    asked = [event.operation for event, _ in core.events if isinstance(event, ClientRequest)]
    assert ResetNode() not in asked
