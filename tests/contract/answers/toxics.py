"""Toxics added, told, changed and removed (toxiproxy.md 1.2): what the API answers."""

from tests.contract.server import Server

ATTRIBUTES = {
    "latency": {"latency": 100, "jitter": 10},
    "bandwidth": {"rate": 100},
    "slow_close": {"delay": 100},
    "timeout": {"timeout": 100},
    "reset_peer": {"timeout": 100},
    "slicer": {"average_size": 100, "size_variation": 10, "delay": 10},
    "limit_data": {"bytes": 100},
    "noop": {},
}


def a_toxic_is_added_and_told(server: Server) -> None:
    """200, not 201, and the same object everywhere. TestAddToxic."""
    server.proxy()
    body = {"name": "t", "type": "latency", "stream": "upstream", "attributes": {"latency": 9}}
    answer = server.ask("POST", "/proxies/p/toxics", body)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == body | {"toxicity": 1, "attributes": {"latency": 9, "jitter": 0}}
    assert tuple(answer.json) == ("attributes", "name", "type", "stream", "toxicity")
    assert server.does("GET", "/proxies/p/toxics") == [answer.json]
    assert server.does("GET", "/proxies/p/toxics/t") == answer.json
    assert server.does("GET", "/proxies/p")["toxics"] == [answer.json]
    assert server.does("GET", "/proxies")["p"]["toxics"] == [answer.json]


def every_type_is_known_with_its_attributes(server: Server) -> None:
    """TestAddNoop and the types of 1.4; 2.13's packet_loss is not one of them."""
    server.proxy()
    for type_, attributes in ATTRIBUTES.items():
        assert server.toxic(type_, **attributes)["attributes"] == attributes
        server.remove()


def every_attribute_is_0_where_it_is_not_given(server: Server) -> None:
    """But for a slicer's, of which more below."""
    server.proxy()
    for type_, attributes in ATTRIBUTES.items():
        if type_ != "slicer":
            assert server.toxic(type_)["attributes"] == dict.fromkeys(attributes, 0)
            server.remove()


def what_would_crash_a_server_is_taken(server: Server) -> None:
    """2.12 does not look: the first bytes through a slicer of 0, or a rate below 0, end the whole server."""
    server.proxy()
    server.toxic("slicer")
    server.remove()
    server.toxic("bandwidth", rate=-1)


def attributes_come_in_order(server: Server) -> None:
    """As Go lays them out, whatever order they were sent in."""
    server.proxy()
    told = server.toxic("slicer", delay=1, size_variation=2, average_size=3)
    assert tuple(told["attributes"]) == ("average_size", "size_variation", "delay")


def a_toxic_is_downstream_and_surely_toxic_by_default(server: Server) -> None:
    """And is named by its type and stream. TestAddConflictingToxicsMultistreamDefaults."""
    server.proxy()
    told = server.does("POST", "/proxies/p/toxics", {"type": "latency"})
    assert (told["name"], told["stream"], told["toxicity"]) == ("latency_downstream", "downstream", 1)
    told = server.does("POST", "/proxies/p/toxics", {"type": "latency", "stream": "upstream", "name": ""})
    assert (told["name"], told["stream"]) == ("latency_upstream", "upstream")
    again = server.ask("POST", "/proxies/p/toxics", {"type": "latency"})
    again.is_error(409, "toxic already exists")


def a_stream_may_be_written_in_capitals(server: Server) -> None:
    """It is told as it was written, and so is the name that is made of it."""
    server.proxy()
    told = server.does("POST", "/proxies/p/toxics", {"type": "latency", "stream": "UpStream"})
    assert (told["name"], told["stream"]) == ("latency_UpStream", "UpStream")


def toxics_are_listed_upstream_first_then_by_age(server: Server) -> None:
    """TestAddMultipleToxics, TestListingToxics: an empty list at first."""
    server.proxy()
    assert server.ask("GET", "/proxies/p/toxics").body == b"[]"
    for name, stream in (("d1", "downstream"), ("u1", "upstream"), ("d2", "downstream"), ("u2", "upstream")):
        server.toxic("noop", stream, name=name)
    names = ["u1", "u2", "d1", "d2"]
    assert [toxic["name"] for toxic in server.does("GET", "/proxies/p/toxics")] == names
    assert [toxic["name"] for toxic in server.does("GET", "/proxies/p")["toxics"]] == names


def a_name_is_unique_over_both_streams(server: Server) -> None:
    """TestAddConflictingToxic, TestAddConflictingToxicsMultistream; on another proxy it is free."""
    server.proxy()
    server.proxy("q")
    server.toxic("noop", "upstream")
    body = {"type": "latency", "stream": "downstream", "name": "t"}
    server.ask("POST", "/proxies/p/toxics", body).is_error(409, "toxic already exists")
    assert [toxic["type"] for toxic in server.does("GET", "/proxies/p/toxics")] == ["noop"]
    server.toxic("noop", proxy="q")


def a_type_must_be_one_that_there_is(server: Server) -> None:
    """Written as it is: in lower case; packet_loss came with 2.13."""
    server.proxy()
    for type_ in ("", None, "none", "Latency", "packet_loss"):
        body = {"type": type_, "name": "t"}
        server.ask("POST", "/proxies/p/toxics", body).is_error(400, "invalid toxic type")
    server.ask("POST", "/proxies/p/toxics", {}).is_error(400, "invalid toxic type")


def a_stream_must_be_one_of_two(server: Server) -> None:
    """TestInvalidStream; it is looked at before the type, and null is the default."""
    server.proxy()
    for stream in ("", "sideways", "up"):
        answer = server.ask("POST", "/proxies/p/toxics", {"type": "none", "stream": stream})
        answer.is_error(400, "stream was invalid, can be either upstream or downstream")
    told = server.does("POST", "/proxies/p/toxics", {"type": "noop", "stream": None})
    assert told["stream"] == "downstream"


def what_is_wrong_is_said_in_order(server: Server) -> None:
    """The stream, then the type, then the name that is taken, then the attributes; then nothing is added."""
    server.proxy()
    server.toxic("noop")
    bad = {"latency": "x"}
    body = {"type": "latency", "name": "t", "attributes": bad}
    server.ask("POST", "/proxies/p/toxics", body).is_error(409, "toxic already exists")
    answer = server.ask("POST", "/proxies/p/toxics", body | {"name": "u"})
    assert answer.status == 400
    assert answer.json["error"].startswith("bad request body: json: cannot unmarshal string")
    assert len(server.does("GET", "/proxies/p/toxics")) == 1


def toxicity_is_any_number(server: Server) -> None:
    """TestAddToxicWithToxicity: neither its range is looked at nor its sense; null is the default."""
    server.proxy()
    for toxicity in (0, 0.2, 1, 2, -1, 1e21):
        assert server.toxic("noop", toxicity=toxicity)["toxicity"] == toxicity
        server.remove()
    assert server.does("POST", "/proxies/p/toxics", {"type": "noop", "toxicity": None})["toxicity"] == 1


def toxicity_is_told_in_single_precision(server: Server) -> None:
    """Go's float32, in as few digits as tell it apart."""
    server.proxy()
    for sent, told in ((b"0.1", b"0.1"), (b"0.123456789", b"0.12345679"), (b"1.0", b"1"), (b"1e-7", b"1e-7")):
        answer = server.ask("POST", "/proxies/p/toxics", b'{"type": "noop", "toxicity": %s}' % sent)
        assert answer.body.endswith(b'"toxicity":%s}' % told), answer
        server.remove("noop_downstream")


def an_update_merges_attributes(server: Server) -> None:
    """TestUpdateToxics: what is not sent keeps its value; PATCH and POST are the same."""
    server.proxy()
    server.toxic("latency", latency=5, jitter=6)
    assert server.change(attributes={"latency": 7})["attributes"] == {"latency": 7, "jitter": 6}
    told = server.does("POST", "/proxies/p/toxics/t", {"attributes": {"jitter": 8}, "toxicity": 0.5})
    assert (told["attributes"], told["toxicity"]) == ({"latency": 7, "jitter": 8}, 0.5)
    assert server.does("GET", "/proxies/p/toxics/t") == told


def an_update_of_nothing_is_a_200(server: Server) -> None:
    """Null is nothing, wherever it stands."""
    server.proxy()
    before = server.toxic("latency", latency=5, toxicity=0.5)
    for body in ("{}", "null", {"attributes": None, "toxicity": None}, {"attributes": {"latency": None}}):
        assert server.does("PATCH", "/proxies/p/toxics/t", body) == before


def an_update_cannot_change_what_a_toxic_is(server: Server) -> None:
    """Name, type and stream are ignored."""
    server.proxy()
    before = server.toxic("latency", latency=5)
    assert server.change(name="t", type="noop", stream="upstream") == before
    assert server.does("PATCH", "/proxies/p/toxics/t", {"name": "other"}) == before


def an_update_that_fails_may_be_half_done(server: Server) -> None:
    """The page does not say: attributes before the bad value are changed, and stay so, behind a 400."""
    server.proxy()
    server.toxic("latency", latency=1, toxicity=0.5)
    body = '{"attributes": {"latency": 77, "jitter": "x"}, "toxicity": 0.9}'
    answer = server.ask("PATCH", "/proxies/p/toxics/t", body)
    assert answer.status == 400
    told = server.does("GET", "/proxies/p/toxics/t")
    assert (told["attributes"], told["toxicity"]) == ({"latency": 77, "jitter": 0}, 0.5)


def an_update_without_a_body_is_refused(server: Server) -> None:
    """As everywhere; a toxic that is not there is said first."""
    server.proxy()
    server.toxic("noop")
    server.ask("PATCH", "/proxies/p/toxics/t").is_error(400, "bad request body: EOF")
    server.ask("PATCH", "/proxies/p/toxics/none").is_error(404, "toxic not found")


def a_removed_toxic_is_gone(server: Server) -> None:
    """TestRemoveToxic: 204 without a body, then 404; its name can be given again."""
    server.proxy()
    server.toxic("noop")
    answer = server.ask("DELETE", "/proxies/p/toxics/t")
    assert (answer.status, answer.body) == (204, b"")
    for method in ("GET", "DELETE"):
        server.ask(method, "/proxies/p/toxics/t").is_error(404, "toxic not found")
    server.toxic("latency")


def toxics_outlive_disabling_and_moving(server: Server) -> None:
    """Only the proxy's end is theirs."""
    server.proxy()
    told = server.toxic("latency", latency=5)
    server.update(enabled=False)
    server.toxic("noop", name="while disabled")
    server.update(enabled=True)
    server.update(upstream="127.0.0.1:10", listen="127.0.0.1:0")
    assert server.does("GET", "/proxies/p/toxics")[0] == told
    server.does("DELETE", "/proxies/p")
    server.proxy()
    assert server.does("GET", "/proxies/p/toxics") == []


def a_proxy_is_never_made_with_toxics(server: Server) -> None:
    """The field is ignored when a proxy is created, populated or changed."""
    toxics = [{"type": "latency", "name": "t"}]
    server.proxy(toxics=toxics)
    populated = {"name": "q", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9", "toxics": toxics}
    server.does("POST", "/populate", [populated])
    server.update(toxics=toxics)
    assert [proxy["toxics"] for proxy in server.does("GET", "/proxies").values()] == [[], []]
