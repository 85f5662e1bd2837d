"""Requests as bytes: whole, in pieces, many at once, and of no protocol at all."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.links.embedded.http import (
    BODY_MAX_BYTES,
    HEAD_MAX_BYTES,
    Answer,
    Malformed,
    Parser,
    Request,
    encode,
    encode_malformed,
)

GET = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /proxies HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
CHUNKED = (
    b"POST /proxies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2;note=1\r\nbo\r\n2\r\ndy\r\n0\r\nTrailer: x\r\n\r\n"
)


def parse_all(*pieces: bytes) -> list[Request]:
    """Return the requests that pieces hold."""
    parser = Parser()
    requests = []
    for piece in pieces:
        parser.feed(piece)
        while (request := parser.next()) is not None:
            requests.append(request)
    return requests


def status_of(*pieces: bytes) -> int:
    """Return the status that pieces are refused with; 0 where they are requests, or may become some."""
    try:
        parse_all(*pieces)
    except Malformed as problem:
        return problem.status
    return 0


def test_a_request_is_read_with_its_path_headers_and_body() -> None:
    """The query is no part of the path, which is unescaped."""
    (request,) = parse_all(
        b"POST /proxies/a%20b?x=1 HTTP/1.1\r\nHost: x\r\nUser-Agent: me\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert (request.method, request.path, request.body) == ("POST", "/proxies/a b", b"{}")
    assert request.headers["user-agent"] == "me"
    assert request.keeps_alive


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_make_no_difference(size: int) -> None:
    """A request may come in byte by byte, and several in one piece."""
    stream = GET + POST + CHUNKED + GET
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert parse_all(*pieces) == parse_all(stream)
    assert [request.body for request in parse_all(stream)] == [b"", b"body", b"body", b""]


@settings(deadline=None)
@given(st.lists(st.integers(0, len(GET + CHUNKED + POST)), max_size=6))
def test_any_cuts_make_no_difference(cuts: list[int]) -> None:
    """Wherever the network cuts."""
    stream = GET + CHUNKED + POST
    edges = [0, *sorted(cuts), len(stream)]
    assert len(parse_all(*[stream[a:b] for a, b in pairwise(edges)])) == 3


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_requests_or_malformed(pieces: list[bytes]) -> None:
    """Never anything else."""
    assert status_of(*pieces) in {0, *range(400, 600)}


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(0, len(CHUNKED)), st.integers(0, 5))
def test_a_request_with_bytes_changed_is_a_request_or_malformed(noise: bytes, at: int, drop: int) -> None:
    """Nearly HTTP, which is where parsers break."""
    assert status_of(CHUNKED[:at] + noise + CHUNKED[at + drop :], GET) in {0, *range(400, 600)}


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"garbage\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\xa5\x01\r\n\r\n", 400),
        (b"GET /version\r\n\r\n", 400),
        (b"GET /version HTTP/1.1\r\n\r\n", 400),
        (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET version HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (BODY_MAX_BYTES + 1), 413),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_MAX_BYTES, 431),
    ],
)
def test_what_is_no_request_is_malformed_with_its_status(text: bytes, status: int) -> None:
    """The connection is closed after that answer."""
    with pytest.raises(Malformed) as caught:
        parse_all(text)
    assert caught.value.status == status
    answer = encode_malformed(caught.value)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"GET / HTTP/1.1\r\nHost: x", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Close", False),
        (b"GET / HTTP/1.0", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive", True),
    ],
)
def test_whether_a_connection_stays(head: bytes, keeps: bool) -> None:
    """By version, unless the client says otherwise."""
    assert parse_all(head + b"\r\n\r\n")[0].keeps_alive is keeps


def test_an_answer_says_how_long_it_is_but_where_there_is_nothing_to_say() -> None:
    """204 has no length; HEAD has no body."""
    answer = Answer(status=200, content_type="text/plain", body=b"hello", headers=(("X", "y"),))
    assert encode(answer, minor=1, date="D", closes=False) == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: y\r\nDate: D\r\nContent-Length: 5\r\n\r\nhello"
    )
    assert encode(Answer(status=204), minor=1, date="D", closes=False).endswith(b"Date: D\r\n\r\n")
    assert encode(answer, minor=1, date="D", closes=True, is_head=True).endswith(b"Connection: close\r\n\r\n")
