"""POST /populate and POST /reset (toxiproxy.md 1.2 and 1.3): what they answer and make."""

from tests.contract.peers import assert_refused
from tests.contract.server import Answer, Server

NOWHERE = "127.0.0.1:9"


def populate(server: Server, *entries: object) -> Answer:
    """Ask for a list of proxies."""
    return server.ask("POST", "/populate", list(entries))


def entry(
    name: str, listen: str = "127.0.0.1:0", upstream: str = NOWHERE, **fields: object
) -> dict[str, object]:
    """One of them."""
    return {"name": name, "listen": listen, "upstream": upstream} | fields


def proxies_are_made_in_order(server: Server) -> None:
    """TestPopulateProxy, TestPopulateDefaultEnabled: 201, in the order of the list."""
    answer = populate(server, entry("b"), entry("a"))
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert [(proxy["name"], proxy["enabled"]) for proxy in answer.json["proxies"]] == [
        ("b", True),
        ("a", True),
    ]
    told = server.does("GET", "/proxies")
    assert [told[name] for name in ("b", "a")] == answer.json["proxies"]


def a_disabled_entry_is_made_disabled(server: Server) -> None:
    """TestPopulateDisabledProxy; null is the default."""
    answer = populate(server, entry("p", enabled=False), entry("q", enabled=None))
    assert [proxy["enabled"] for proxy in answer.json["proxies"]] == [False, True]


def nothing_is_made_of_nothing(server: Server) -> None:
    """The page does not say: an empty list and null are a 201 with null for a list."""
    for body in ("[]", "null"):
        answer = server.ask("POST", "/populate", body)
        assert (answer.status, answer.body) == (201, b'{"proxies":null}')


def what_is_there_already_is_left_alone(server: Server) -> None:
    """TestPopulateExistingProxy, TestPopulateAddToxic: toxics are kept, `enabled` of the entry is ignored."""
    listen = server.proxy()
    told = server.toxic("latency", latency=5)
    answer = populate(server, entry("p", listen, enabled=False), entry("q"))
    assert answer.status == 201
    p, _ = answer.json["proxies"]
    assert (p["enabled"], p["toxics"]) == (True, [told])


def a_spelling_of_the_same_address_is_the_same(server: Server) -> None:
    """Since 2.12: nothing restarts, toxics stay. TestProxyDiffers, TestProxyUpdateWithHostname."""
    listen = server.proxy()
    server.toxic("noop")
    populate(server, entry("p", listen.replace("127.0.0.1", "localhost")))
    assert len(server.does("GET", "/proxies/p/toxics")) == 1


def what_differs_is_replaced_without_its_toxics(server: Server) -> None:
    """Another upstream, or another port: a new proxy of that name."""
    listen = server.proxy()
    server.toxic("noop")
    answer = populate(server, entry("p", listen, "127.0.0.1:10"))
    assert [(p["listen"], p["upstream"], p["toxics"]) for p in answer.json["proxies"]] == [
        (listen, "127.0.0.1:10", [])
    ]
    moved = server.reserve()
    populate(server, entry("p", moved, "127.0.0.1:10"))
    assert server.does("GET", "/proxies/p")["listen"] == moved


def port_0_always_differs(server: Server) -> None:
    """From the port that it was dealt: the proxy moves."""
    populate(server, entry("p"))
    first = server.does("GET", "/proxies/p")["listen"]
    server.toxic("noop")
    populate(server, entry("p"))
    told = server.does("GET", "/proxies/p")
    assert (told["listen"] == first, told["toxics"]) == (False, [])


def what_is_not_named_stays(server: Server) -> None:
    """Nothing is ever deleted by it."""
    server.proxy()
    populate(server, entry("q"))
    assert sorted(server.does("GET", "/proxies")) == ["p", "q"]


def a_name_twice_in_a_list_is_the_last(server: Server) -> None:
    """The page does not say: both are told, the first is replaced by the second at once."""
    first, second = server.ports.reserve(2)
    answer = populate(server, entry("p", first), entry("p", second))
    assert answer.status == 201
    assert [proxy["listen"] for proxy in answer.json["proxies"]] == [first, second]
    assert server.does("GET", "/proxies/p")["listen"] == second
    assert_refused(first)


def a_missing_field_anywhere_makes_nothing(server: Server) -> None:
    """TestPopulateWithBadName: it says at which entry, counted from 1, as JSON with a null list."""
    for bad, error in (
        (entry(""), "missing required field: name at proxy 2"),
        (entry("q", upstream=""), "missing required field: upstream at proxy 2"),
        (None, "missing required field: name at proxy 2"),
    ):
        answer = populate(server, entry("p"), bad)
        assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
        assert answer.json == {"error": error, "status": 400, "proxies": None}
        assert server.does("GET", "/proxies") == {}


def what_is_no_list_is_refused(server: Server) -> None:
    """In JSON, with the list that there is not."""
    for body in ("", "{}", '"x"', "[1]", "["):
        answer = server.ask("POST", "/populate", body)
        assert (answer.status, answer.headers["content-type"]) == (400, "application/json")
        assert answer.json["error"].startswith("bad request body: "), answer
        assert answer.json["proxies"] is None


def a_taken_port_stops_a_list_half_done(server: Server) -> None:
    """TestPopulateProxyWithBadDataShouldReturnError: those before it are made, and told beside the error."""
    taken = server.proxy("taken")
    answer = populate(server, entry("p"), entry("q", taken), entry("r"))
    assert (answer.status, answer.headers["content-type"]) == (500, "application/json")
    assert answer.json["error"] == f"listen tcp {taken}: bind: address already in use"
    assert answer.json["status"] == 500
    assert [proxy["name"] for proxy in answer.json["proxies"]] == ["p"]
    assert sorted(server.does("GET", "/proxies")) == ["p", "taken"]


def a_replacement_that_cannot_listen_leaves_the_old_one_stopped(server: Server) -> None:
    """It stays listed, with its old address and its toxics, disabled."""
    taken = server.proxy("taken")
    listen = server.proxy()
    server.toxic("noop")
    assert populate(server, entry("p", taken)).status == 500
    told = server.does("GET", "/proxies/p")
    assert (told["enabled"], told["listen"], len(told["toxics"])) == (False, listen, 1)


def an_address_that_is_none_stops_a_list_too(server: Server) -> None:
    """A new name is told so by what listens; one that is there by what resolves, and it is untouched."""
    answer = populate(server, entry("p", "nonsense"))
    assert (answer.status, answer.json["error"]) == (
        500,
        "listen tcp: address nonsense: missing port in address",
    )
    server.proxy()
    answer = populate(server, entry("p", "nonsense"))
    assert (answer.status, answer.json["error"]) == (500, "address nonsense: missing port in address")
    assert answer.json["proxies"] is None
    assert server.does("GET", "/proxies/p")["enabled"] is True


def a_reset_enables_all_and_removes_all_toxics(server: Server) -> None:
    """TestResetState: 204 without a body; no proxy is deleted."""
    server.proxy()
    server.proxy("q", enabled=False)
    server.toxic("noop")
    server.toxic("latency", "upstream", proxy="q")
    answer = server.ask("POST", "/reset")
    assert (answer.status, answer.body) == (204, b"")
    told = server.does("GET", "/proxies")
    assert {name: (proxy["enabled"], proxy["toxics"]) for name, proxy in told.items()} == {
        "p": (True, []),
        "q": (True, []),
    }


def a_reset_of_nothing_is_a_204(server: Server) -> None:
    """Whatever its body says."""
    assert server.ask("POST", "/reset", "garbage").status == 204


def a_reset_that_cannot_listen_is_a_500(server: Server) -> None:
    """And leaves that proxy disabled, with its toxics."""
    listen = server.proxy("taken")
    server.proxy(listen=listen, enabled=False)
    server.toxic("noop")
    server.ask("POST", "/reset").is_error(500, f"listen tcp {listen}: bind: address already in use")
    told = server.does("GET", "/proxies/p")
    assert (told["enabled"], len(told["toxics"])) == (False, 1)
