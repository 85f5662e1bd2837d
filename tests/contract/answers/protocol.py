"""HTTP as the API speaks it: routes that are none, keep-alive, pipelining, and requests that are no HTTP."""

from tests.contract.peers import Peer
from tests.contract.server import Server

VERSION = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
REQUEST_ID = "x-toxiproxy-request-id"


def head_and_body(peer: Peer) -> tuple[bytes, bytes]:
    """Hear one answer that has a length, or none and no body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += peer.hears_bytes(1)
    sizes = [
        line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    ]
    return head, peer.hears_bytes(int(sizes[0])) if sizes else b""


def is_answered(peer: Peer, status: int) -> bytes:
    """Hear one answer of that status; return its body."""
    head, body = head_and_body(peer)
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    return body


def a_path_that_is_none_is_a_404_in_plain_text(server: Server) -> None:
    """Not in JSON, and without an id; a slash at the end makes another path."""
    server.proxy()
    for path in ("/", "/nothing", "/proxies/", "/proxies/p/", "/proxies/p/toxics/", "/proxies/p/toxics/t/x"):
        answer = server.ask("GET", path)
        assert (answer.status, answer.body) == (404, b"404 page not found\n"), path
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert REQUEST_ID not in answer.headers


def metrics_are_off(server: Server) -> None:
    """Unless the server was started with them."""
    assert server.ask("GET", "/metrics").status == 404


def a_method_that_is_none_is_an_empty_405(server: Server) -> None:
    """HEAD and OPTIONS are among them; a method in lower case is another method."""
    server.proxy()
    for method, path in (
        ("PUT", "/proxies/p"),
        ("DELETE", "/proxies"),
        ("PATCH", "/proxies"),
        ("GET", "/populate"),
        ("GET", "/reset"),
        ("POST", "/version"),
        ("HEAD", "/proxies"),
        ("OPTIONS", "/proxies"),
        ("PUT", "/proxies/p/toxics"),
        ("PUT", "/proxies/p/toxics/t"),
        ("get", "/version"),
        ("NONSENSE", "/version"),
    ):
        answer = server.ask(method, path)
        assert (answer.status, answer.body) == (405, b""), f"{method} {path}: {answer}"
        assert REQUEST_ID not in answer.headers


def every_answer_of_a_route_has_an_id_of_its_own(server: Server) -> None:
    """TestRequestId; errors have one too."""
    answers = [
        server.ask("GET", "/version"),
        server.ask("GET", "/proxies/none"),
        server.ask("POST", "/proxies"),
    ]
    ids = {answer.headers[REQUEST_ID] for answer in answers}
    assert len(ids) == len(answers)
    assert all(ids)


def browsers_are_turned_away(server: Server) -> None:
    """TestBrowserGets403, TestNonBrowserGets200: what begins with Mozilla/, on the routes that there are."""
    answer = server.ask("GET", "/proxies", headers={"User-Agent": "Mozilla/5.0 (X11)"})
    assert (answer.status, answer.body) == (403, b"User agent not allowed\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    for agent in ("python-requests/2", "Opera Mozilla/5.0", "", "mozilla/5.0"):
        assert server.ask("GET", "/proxies", headers={"User-Agent": agent}).status == 200
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/version", 405)):
        assert server.ask(method, path, headers={"User-Agent": "Mozilla/5.0"}).status == status


def a_query_is_ignored(server: Server) -> None:
    """So is the content type of a request."""
    server.proxy()
    assert server.does("GET", "/proxies/p?x=1")["name"] == "p"
    answer = server.ask("PATCH", "/proxies/p?enabled=true", {"enabled": False}, {"Content-Type": "image/png"})
    assert answer.json["enabled"] is False


def escapes_in_a_path_are_read(server: Server) -> None:
    """%70 is p; an escape that is none is a 400."""
    server.proxy()
    assert server.does("GET", "/%70roxies/%70")["name"] == "p"
    peer = server.says(b"GET /proxies/%zz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert peer.hears_all().startswith(b"HTTP/1.1 400 ")


def a_path_with_steps_is_sent_to_its_plain_form(server: Server) -> None:
    """The page does not say: two slashes and dots are a 301 with a Location."""
    server.proxy()
    for path, plain in (
        ("//proxies", "/proxies"),
        ("/proxies/./p", "/proxies/p"),
        ("/x/../version", "/version"),
    ):
        answer = server.ask("GET", path)
        assert (answer.status, answer.headers["location"], answer.body[:0]) == (301, plain, b""), path


def a_connection_is_kept(server: Server) -> None:
    """For one request after another, errors included, and one that had a body nobody read."""
    server.proxy()
    peer = server.says(VERSION)
    is_answered(peer, 200)
    for request, status in (
        (b"GET /proxies/none HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"PUT /version HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 400),
        (b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 404),
        (b"POST /proxies/none HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 404),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 200),
        (b"DELETE /proxies/p HTTP/1.1\r\nHost: x\r\n\r\n", 204),
    ):
        peer.sends(request)
        is_answered(peer, status)
    peer.sends(VERSION)
    is_answered(peer, 200)


def requests_in_a_row_are_answered_in_order(server: Server) -> None:
    """Sixty-four at once, as our own client sends them; also in pieces that end anywhere."""
    server.proxy()
    calls = [b'{"upstream": "127.0.0.1:%d"}' % number for number in range(1, 65)]
    rows = b"".join(
        b"PATCH /proxies/p HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        for body in calls
    )
    peer = server.says(rows)
    for number in range(1, 65):
        assert b'"upstream":"127.0.0.1:%d"' % number in is_answered(peer, 200)
    for start in range(0, len(rows), 97):
        peer.sends(rows[start : start + 97])
    for number in range(1, 65):
        assert b'"upstream":"127.0.0.1:%d"' % number in is_answered(peer, 200)


def a_request_may_come_byte_by_byte(server: Server) -> None:
    """And its body too."""
    server.proxy()
    peer = server.connects(server.api.api_address)
    for byte in b'PATCH /proxies/p HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n{"enabled": false}':
        peer.sends(bytes([byte]))
    assert b'"enabled":false' in is_answered(peer, 200)


def a_body_may_come_in_chunks(server: Server) -> None:
    """With extensions and trailers; the connection is in step after it."""
    server.proxy()
    head = b"PATCH /proxies/p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    peer = server.says(head + b'a;x=y\r\n{"enabled"\r\n8\r\n: false}\r\n0\r\nA: b\r\n\r\n' + VERSION)
    assert b'"enabled":false' in is_answered(peer, 200)
    is_answered(peer, 200)


def chunks_that_are_none_are_refused(server: Server) -> None:
    """The end of the connection."""
    peer = server.says(b"POST /proxies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert peer.hears_all().startswith(b"HTTP/1.1 400 ")
    server.is_alive()


def who_asks_to_close_is_closed(server: Server) -> None:
    """And HTTP/1.0, which says nothing of keeping."""
    for request in (
        b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /version HTTP/1.0\r\n\r\n",
    ):
        answer = server.says(request).hears_all()
        assert b" 200 OK\r\n" in answer
        assert answer.endswith(b"}\n")


def who_expects_to_go_on_is_told_to(server: Server) -> None:
    """100 Continue, before the body is sent; curl asks so for long bodies."""
    server.proxy()
    peer = server.says(
        b"PATCH /proxies/p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n"
    )
    is_answered(peer, 100)
    peer.sends(b'{"enabled": false}')
    is_answered(peer, 200)


def what_is_no_http_is_a_400_and_the_end(server: Server) -> None:
    """In plain text."""
    for request in (
        b"hello\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET /version\r\n\r\n",
        b"GET /version HTTP/1.1\r\n\r\n",
        b"GET /version HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /version HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /version HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
        b"GET /proxies/a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    ):
        answer = server.says(request).hears_all()
        assert answer.startswith(b"HTTP/1.1 400 Bad Request"), f"{request!r}: {answer!r}"
        assert b"Connection: close\r\n" in answer
    server.is_alive()


def lines_may_end_without_a_carriage_return(server: Server) -> None:
    """As somebody types who talks to it by hand."""
    is_answered(server.says(b"GET /version HTTP/1.1\nHost: x\n\n"), 200)


def a_version_that_is_none_is_a_505(server: Server) -> None:
    """HTTP/3.7."""
    answer = server.says(b"GET /version HTTP/3.7\r\nHost: x\r\n\r\n").hears_all()
    assert answer.startswith(b"HTTP/1.1 505 ")


def an_encoding_that_is_none_is_a_501(server: Server) -> None:
    """Only chunks are known."""
    request = b"POST /proxies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"
    assert server.says(request).hears_all().startswith(b"HTTP/1.1 501 ")


def fifty_kilobytes_of_headers_are_taken(server: Server) -> None:
    """The limit is a megabyte."""
    is_answered(server.says(VERSION[:-2] + b"A: %s\r\n\r\n" % (b"x" * 50_000)), 200)


def a_body_that_is_no_longer_waited_for_harms_nobody(server: Server) -> None:
    """A client that promises a body and leaves; and one that leaves in the middle of its headers."""
    server.says(b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{").leaves()
    server.says(b"POST /proxies HT").leaves()
    server.says(b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n").is_reset_by_closing()
    server.is_alive()
    assert server.does("GET", "/proxies") == {}
