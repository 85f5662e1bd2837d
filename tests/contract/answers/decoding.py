"""What Go's JSON decoder makes of a request body, which is not what Python's would."""

from tests.contract.server import Answer, Server

REST = b'"upstream": "127.0.0.1:9", "listen": "127.0.0.1:0"'
BAD = "bad request body: "


def create(server: Server, body: bytes) -> Answer:
    """Ask for a proxy in these very bytes."""
    return server.ask("POST", "/proxies", body)


def is_made(server: Server, body: bytes, name: str = "p") -> None:
    """These bytes must make a proxy of that name, which goes again."""
    answer = create(server, body)
    assert (answer.status, answer.json and answer.json.get("name")) == (201, name), f"{body!r}: {answer}"
    server.tidy()


def is_refused(server: Server, body: bytes, error: str) -> None:
    """These bytes must be refused with that sentence, and make nothing."""
    create(server, body).is_error(400, BAD + error)
    assert server.does("GET", "/proxies") == {}


def keys_may_be_written_in_capitals(server: Server) -> None:
    """Of proxies, toxics and attributes; Go folds Unicode too."""
    is_made(server, b'{"NAME": "p", "Upstream": "127.0.0.1:9", "LISTEN": "127.0.0.1:0"}')
    is_made(server, '{"name": "p", "upstream": "u", "li\u017ften": "127.0.0.1:0"}'.encode())
    server.proxy()
    body = b'{"TYPE": "latency", "Name": "t", "ATTRIBUTES": {"LATENCY": 5, "Jitter": 6}, "Toxicity": 0.5}'
    told = server.does("POST", "/proxies/p/toxics", body)
    assert (told["attributes"], told["toxicity"]) == ({"latency": 5, "jitter": 6}, 0.5)
    told = server.does("PATCH", "/proxies/p/toxics/t", b'{"Attributes": {"JITTER": 7}, "TOXICITY": 1}')
    assert (told["attributes"], told["toxicity"]) == ({"latency": 5, "jitter": 7}, 1)
    assert server.does("PATCH", "/proxies/p", b'{"ENABLED": false}')["enabled"] is False


def unknown_keys_are_ignored(server: Server) -> None:
    """A mistyped attribute makes a toxic that does nothing."""
    is_made(server, b'{"name": "p", "unknown": [1, {"a": null}], "x": 1e999, %s}' % REST)
    server.proxy()
    assert server.toxic("latency", latenzy=5)["attributes"] == {"latency": 0, "jitter": 0}


def the_last_of_two_keys_counts(server: Server) -> None:
    """But two objects of one key are merged."""
    is_made(server, b'{"name": "p", "name": "q", %s}' % REST, "q")
    server.proxy()
    body = b'{"type": "latency", "attributes": {"latency": 5}, "attributes": {"jitter": 6}}'
    told = server.does("POST", "/proxies/p/toxics", body)
    assert told["attributes"] == {"latency": 5, "jitter": 6}


def null_is_as_if_it_were_not_there(server: Server) -> None:
    """Anywhere, also as the whole body."""
    is_made(server, b'{"name": "p", "enabled": null, %s}' % REST)
    create(server, b"null").is_error(400, "missing required field: name")
    server.proxy()
    told = server.does("POST", "/proxies/p/toxics", b'{"type": "latency", "attributes": null}')
    assert told["attributes"] == {"latency": 0, "jitter": 0}


def what_follows_the_first_value_is_not_read(server: Server) -> None:
    """Garbage, or another object."""
    for tail in (b"garbage", b'{"name": ', b"}", b"\x00"):
        is_made(server, b'{"name": "p", %s}' % REST + tail)


def white_space_goes_before_and_between(server: Server) -> None:
    """A byte order mark is none."""
    is_made(server, b' \r\n\t{ "name" :\n"p" , %s }' % REST)
    answer = create(server, b'\xef\xbb\xbf{"name": "p", %s}' % REST)
    assert answer.status == 400
    assert answer.json["error"].startswith(BAD + "invalid character")


def a_body_that_ends_early_says_so(server: Server) -> None:
    """EOF where nothing came, unexpected EOF where something did."""
    for body in (b"", b" \n"):
        is_refused(server, body, "EOF")
    for body in (b"{", b'{"name"', b'{"name": "p"', b'{"name": "p', b"nul", b"["):
        is_refused(server, body, "unexpected EOF")


def what_is_no_json_is_refused(server: Server) -> None:
    """Python's json takes some of these."""
    for body in (
        b"{'name': 'p'}",
        b'{"name": "p",}',
        b'{"name": "p" "upstream": "u"}',
        b'{"name": "p", "x": NaN, %s}' % REST,
        b'{"name": "p", "x": Infinity, %s}' % REST,
        b'{"name": "p", "x": 01, %s}' % REST,
        b'{"name": "p", "x": +1, %s}' % REST,
        b'{"name": "p", "x": .5, %s}' % REST,
        b'{"name": "p", "x": 1., %s}' % REST,
        b'{"name": "p", "enabled": True, %s}' % REST,
        b'{"name": "p\t", %s}' % REST,
        b'{"name": "\\x41", %s}' % REST,
        b"name=p&upstream=u",
    ):
        answer = create(server, body)
        assert answer.status == 400, f"{body!r}: {answer}"
        assert answer.json["error"].startswith(BAD + "invalid character"), f"{body!r}: {answer}"
    assert server.does("GET", "/proxies") == {}


def a_value_of_another_type_is_refused(server: Server) -> None:
    """Text is no number, 1 is no truth; it says which field, in Go's words."""
    for fields, error in (
        (b'"name": 1', "json: cannot unmarshal number into Go struct field Proxy.name of type string"),
        (
            b'"name": "p", "enabled": "true"',
            "json: cannot unmarshal string into Go struct field Proxy.enabled of type bool",
        ),
        (
            b'"name": "p", "enabled": 1',
            "json: cannot unmarshal number into Go struct field Proxy.enabled of type bool",
        ),
    ):
        is_refused(server, b"{%s, %s}" % (fields, REST), error)


def a_body_of_another_kind_is_refused(server: Server) -> None:
    """A list, a text, a number, a truth."""
    for body, kind in ((b"[]", "array"), (b'"x"', "string"), (b"1", "number"), (b"true", "bool")):
        is_refused(server, body, f"json: cannot unmarshal {kind} into Go value of type toxiproxy.Proxy")


def whole_numbers_are_written_as_such(server: Server) -> None:
    """100.0 and 1e2 are no integers, nor is what 64 bits do not hold."""
    server.proxy()
    for number in (b"100.0", b"1e2", b"1.5", b"9223372036854775808", b"-9223372036854775809"):
        body = b'{"type": "latency", "attributes": {"latency": %s}}' % number
        answer = server.ask("POST", "/proxies/p/toxics", body)
        field = "Go struct field LatencyToxic.attributes.latency of type int64"
        answer.is_error(400, f"{BAD}json: cannot unmarshal number {number.decode()} into {field}")
    for kind, value in (("string", b'"100"'), ("bool", b"true"), ("array", b"[]"), ("object", b"{}")):
        body = b'{"type": "latency", "attributes": {"latency": %s}}' % value
        answer = server.ask("POST", "/proxies/p/toxics", body)
        assert answer.status == 400, answer
        assert answer.json["error"].startswith(f"{BAD}json: cannot unmarshal {kind} into"), answer
    assert server.does("GET", "/proxies/p/toxics") == []


def the_greatest_whole_numbers_are_taken(server: Server) -> None:
    """And negative ones, and minus nothing."""
    server.proxy()
    for sent, told in ((b"9223372036854775807", 2**63 - 1), (b"-9223372036854775808", -(2**63)), (b"-0", 0)):
        body = b'{"type": "limit_data", "name": "t", "attributes": {"bytes": %s}}' % sent
        assert server.does("POST", "/proxies/p/toxics", body)["attributes"] == {"bytes": told}
        server.remove()


def toxicity_must_fit_a_single_precision_number(server: Server) -> None:
    """1e39 does not; text is none."""
    server.proxy()
    for value in (b"1e39", b'"1"', b"true", b"[]"):
        answer = server.ask("POST", "/proxies/p/toxics", b'{"type": "noop", "toxicity": %s}' % value)
        assert answer.status == 400
        assert answer.json["error"].startswith(BAD + "json: cannot unmarshal"), answer


def attributes_must_be_an_object(server: Server) -> None:
    """Also of a toxic that has none."""
    server.proxy()
    for type_ in (b"latency", b"noop"):
        for value in (b"[]", b"5", b'"x"', b"true"):
            body = b'{"type": "%s", "attributes": %s}' % (type_, value)
            answer = server.ask("POST", "/proxies/p/toxics", body)
            assert answer.status == 400
            assert answer.json["error"].startswith(BAD + "json: cannot unmarshal"), answer


def text_that_is_no_unicode_is_repaired(server: Server) -> None:
    """Half of a pair, and bytes that are no UTF-8, become the sign that stands for them."""
    for name in (b"p\\ud800", b"p\xff"):
        is_made(server, b'{"name": "%s", %s}' % (name, REST), "p\ufffd")
    is_made(server, b'{"name": "\\u00e9\\ud83d\\ude00", %s}' % REST, "\u00e9\U0001f600")


def ten_thousand_brackets_are_the_deepest(server: Server) -> None:
    """One more is refused; nothing of it ends the server."""
    for depth, status in ((9_999, 201), (10_000, 400), (100_000, 400)):
        body = b'{"name": "p", %s, "x": %s}' % (REST, b"[" * depth + b"]" * depth)
        assert create(server, body).status == status, depth
        server.tidy()
    server.is_alive()


def a_body_of_megabytes_is_taken(server: Server) -> None:
    """There is no limit but the 15 s to read it."""
    is_made(server, b'{"name": "p", "x": "%s", %s}' % (b"x" * 4_000_000, REST))
