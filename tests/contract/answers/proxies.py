"""Proxies made, told, changed and deleted (toxiproxy.md 1.2 and 1.3): what the API answers."""

import socket

from harness.links.link import socket_address
from tests.contract.peers import assert_refused
from tests.contract.server import Server

NAMES = ("name", "listen", "upstream", "enabled", "toxics")


def the_version_is_told_as_json(server: Server) -> None:
    """Since 2.7; with a charset, which no other answer has. TestVersionEndpointReturnsVersion."""
    answer = server.ask("GET", "/version")
    assert answer.status == 200
    assert answer.json["version"].startswith("2.12")
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    assert answer.body.endswith(b"}\n")


def no_proxies_are_an_empty_object(server: Server) -> None:
    """TestIndexWithNoProxies."""
    answer = server.ask("GET", "/proxies")
    assert (answer.status, answer.json) == (200, {})
    assert answer.headers["content-type"] == "application/json"


def a_proxy_is_made_and_told(server: Server) -> None:
    """201, the same object everywhere, a stray "Logger". TestCreateAndGetProxy, TestCreateProxyWithSave."""
    answer = server.ask("POST", "/proxies", {"name": "p", "upstream": "127.0.0.1:9", "listen": "127.0.0.1:0"})
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    made = answer.json
    wanted = {"name": "p", "listen": made["listen"], "upstream": "127.0.0.1:9", "enabled": True}
    assert made == wanted | {"Logger": {}, "toxics": []}
    assert server.does("GET", "/proxies/p") == made
    assert server.does("GET", "/proxies") == {"p": made}


def the_fields_of_a_proxy_come_in_order(server: Server) -> None:
    """As Go lays them out: what reads the text by eye or by a pattern finds it the same."""
    server.proxy()
    assert tuple(server.does("GET", "/proxies/p")) == (
        "name",
        "listen",
        "upstream",
        "enabled",
        "Logger",
        "toxics",
    )


def the_real_port_of_a_proxy_is_told(server: Server) -> None:
    """Of port 0, and of no other."""
    listen = server.proxy()
    host, port = socket_address(listen)
    assert (host, port > 0) == ("127.0.0.1", True)
    fixed = server.reserve()
    assert server.proxy("fixed", listen=fixed) == fixed


def localhost_is_told_as_the_address_that_it_is(server: Server) -> None:
    """When enabled; a disabled proxy tells what it was given, until it is enabled for the first time."""
    assert server.proxy(listen="localhost:0").startswith("127.0.0.1:")
    assert server.proxy("q", listen="localhost:0", enabled=False) == "localhost:0"
    assert server.update("q", enabled=True)["listen"].startswith("127.0.0.1:")


def many_proxies_are_listed_by_name(server: Server) -> None:
    """TestListingProxies; so many that the answer comes in chunks."""
    for number in range(30):
        server.proxy(f"p{number}")
    told = server.does("GET", "/proxies")
    assert {name: proxy["name"] for name, proxy in told.items()} == {f"p{n}": f"p{n}" for n in range(30)}


def a_proxy_needs_a_name(server: Server) -> None:
    """TestCreateProxyBlankName; no name, an empty one and null are the same."""
    for name in ({}, {"name": ""}, {"name": None}):
        answer = server.ask("POST", "/proxies", {"upstream": "127.0.0.1:9"} | name)
        answer.is_error(400, "missing required field: name")


def a_proxy_needs_an_upstream(server: Server) -> None:
    """TestCreateProxyBlankUpstream; the name is asked for first."""
    server.ask("POST", "/proxies", {"name": "p"}).is_error(400, "missing required field: upstream")
    server.ask("POST", "/proxies", {}).is_error(400, "missing required field: name")
    assert server.does("GET", "/proxies") == {}


def an_upstream_may_be_any_text(server: Server) -> None:
    """It is looked at when somebody connects."""
    server.proxy(upstream="no port at all")
    assert server.does("GET", "/proxies/p")["upstream"] == "no port at all"


def a_name_is_given_once(server: Server) -> None:
    """TestCreateProxyNameConflict: a 409, and the port that was asked for is not taken."""
    server.proxy()
    other = server.reserve()
    answer = server.ask("POST", "/proxies", {"name": "p", "upstream": "127.0.0.1:9", "listen": other})
    answer.is_error(409, "proxy already exists")
    assert_refused(other)
    assert server.does("GET", "/proxies/p")["listen"] != other


def a_taken_port_is_a_500_and_no_proxy(server: Server) -> None:
    """TestCreateProxyPortConflict, TestStartTwoProxiesOnSameAddress; in Go's words."""
    listen = server.proxy()
    answer = server.ask("POST", "/proxies", {"name": "q", "upstream": "127.0.0.1:9", "listen": listen})
    answer.is_error(500, f"listen tcp {listen}: bind: address already in use")
    assert list(server.does("GET", "/proxies")) == ["p"]


def a_strangers_port_is_a_500_too(server: Server) -> None:
    """It is not only the server's own ports that can be taken."""
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        listen = f"127.0.0.1:{stranger.getsockname()[1]}"
        answer = server.ask("POST", "/proxies", {"name": "q", "upstream": "127.0.0.1:9", "listen": listen})
        answer.is_error(500, f"listen tcp {listen}: bind: address already in use")


def what_cannot_be_listened_on_is_a_500(server: Server) -> None:
    """Each with Go's own sentence; only TCP is to be had."""
    for listen, error in (
        ("nonsense", "listen tcp: address nonsense: missing port in address"),
        ("/tmp/x.sock", "listen tcp: address /tmp/x.sock: missing port in address"),
        ("127.0.0.1", "listen tcp: address 127.0.0.1: missing port in address"),
        ("127.0.0.1:99999", "listen tcp: address 99999: invalid port"),
    ):
        body = {"name": "p", "upstream": "127.0.0.1:9", "listen": listen}
        server.ask("POST", "/proxies", body).is_error(500, error)
        assert server.does("GET", "/proxies") == {}


def a_disabled_proxy_may_be_made_with_any_address(server: Server) -> None:
    """TestCreateDisabledProxy: it is looked at when the proxy is enabled, and then it is a 500."""
    assert server.proxy(listen="nonsense", enabled=False) == "nonsense"
    answer = server.ask("PATCH", "/proxies/p", {"enabled": True})
    answer.is_error(500, "address nonsense: missing port in address")
    assert server.does("GET", "/proxies/p")["enabled"] is False


def a_proxy_is_changed_by_patch_and_by_post(server: Server) -> None:
    """PATCH since 2.6; both answer 200 with the proxy, and keep what is not named."""
    listen = server.proxy()
    for method, upstream in (("PATCH", "127.0.0.1:10"), ("POST", "127.0.0.1:11")):
        answer = server.ask(method, "/proxies/p", {"upstream": upstream})
        assert answer.status == 200
        assert (answer.json["upstream"], answer.json["listen"]) == (upstream, listen)


def a_change_of_nothing_is_a_200(server: Server) -> None:
    """An empty object, null, null fields, and the values it has already."""
    listen = server.proxy()
    before = server.does("GET", "/proxies/p")
    for body in (
        {},
        "null",
        {"enabled": None, "listen": None},
        {"listen": listen, "upstream": "127.0.0.1:9"},
    ):
        assert server.does("PATCH", "/proxies/p", body) == before


def a_name_cannot_be_changed(server: Server) -> None:
    """It is ignored; so are toxics, and what is unknown."""
    server.proxy()
    before = server.does("GET", "/proxies/p")
    assert server.update(name="other", toxics=[{"type": "latency"}], nonsense=1) == before


def an_empty_change_is_refused(server: Server) -> None:
    """A body that is not there is the end of a file."""
    server.proxy()
    for body in (None, "", "  "):
        server.ask("PATCH", "/proxies/p", body).is_error(400, "bad request body: EOF")


def a_change_to_a_taken_port_leaves_a_disabled_proxy(server: Server) -> None:
    """TestRestartFailedToStartProxy: 500, stopped, and the new address is what it has."""
    taken = server.proxy("q")
    server.proxy()
    answer = server.ask("PATCH", "/proxies/p", {"listen": taken})
    answer.is_error(500, f"listen tcp {taken}: bind: address already in use")
    told = server.does("GET", "/proxies/p")
    assert (told["enabled"], told["listen"]) == (False, taken)
    server.ask("PATCH", "/proxies/p", {"enabled": True}).is_error(
        500, f"listen tcp {taken}: bind: address already in use"
    )
    server.does("DELETE", "/proxies/q")
    assert server.update(enabled=True)["enabled"] is True


def a_change_to_an_address_that_is_none_changes_nothing(server: Server) -> None:
    """Unlike a port that is taken: it is looked at before anything is stopped, though that be asked for."""
    server.proxy()
    before = server.does("GET", "/proxies/p")
    answer = server.ask("PATCH", "/proxies/p", {"listen": "nonsense", "enabled": False})
    answer.is_error(500, "address nonsense: missing port in address")
    assert server.does("GET", "/proxies/p") == before


def an_upstream_can_be_emptied(server: Server) -> None:
    """Only a new proxy needs one."""
    server.proxy()
    assert server.update(upstream="")["upstream"] == ""


def a_disabled_proxy_keeps_its_port(server: Server) -> None:
    """TestCreateDisabledProxyAndEnable: the port that was dealt stays with it, disabled and enabled again."""
    listen = server.proxy()
    assert server.update(enabled=False) | {"toxics": []} == server.does("GET", "/proxies/p")
    told = server.update(enabled=True)
    assert (told["listen"], told["enabled"]) == (listen, True)


def a_deleted_proxy_is_gone(server: Server) -> None:
    """TestDeleteProxy: 204 without a body, then 404; its name can be given again."""
    server.proxy()
    answer = server.ask("DELETE", "/proxies/p")
    assert (answer.status, answer.body) == (204, b"")
    server.ask("DELETE", "/proxies/p").is_error(404, "proxy not found")
    server.proxy()


def a_proxy_that_is_not_there_is_a_404(server: Server) -> None:
    """On every route that names one; before the body is looked at."""
    for method, path in (
        ("GET", "/proxies/none"),
        ("PATCH", "/proxies/none"),
        ("POST", "/proxies/none"),
        ("DELETE", "/proxies/none"),
        ("GET", "/proxies/none/toxics"),
        ("POST", "/proxies/none/toxics"),
        ("GET", "/proxies/none/toxics/t"),
        ("PATCH", "/proxies/none/toxics/t"),
        ("POST", "/proxies/none/toxics/t"),
        ("DELETE", "/proxies/none/toxics/t"),
    ):
        body = "garbage" if method in ("POST", "PATCH") else None
        server.ask(method, path, body).is_error(404, "proxy not found")


def names_are_told_and_found_whatever_they_are(server: Server) -> None:
    """Found by the escaped name in the path. One with a slash can be made, but no path leads to it again."""
    for name, path in (("a b", "a%20b"), ("é", "%C3%A9"), ("a.b-c_d", "a.b-c_d"), ("<&>", "%3C%26%3E")):
        server.proxy(name)
        assert server.does("GET", f"/proxies/{path}")["name"] == name
        server.does("DELETE", f"/proxies/{path}")
    server.proxy("a")
    assert server.ask("GET", "/proxies/a%2Fb").body == b"404 page not found\n"


def what_html_would_mind_is_escaped(server: Server) -> None:
    """As Go writes JSON."""
    answer = server.ask(
        "POST", "/proxies", {"name": "<&>", "upstream": "127.0.0.1:9", "listen": "127.0.0.1:0"}
    )
    assert b'"name":"\\u003c\\u0026\\u003e"' in answer.body
