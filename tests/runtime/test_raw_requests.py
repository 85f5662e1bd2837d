"""The clients' odd requests over a real socket, through waitress: what a WSGI test cannot show."""

import re
import socket
from collections.abc import Iterator

import pytest

from tests.runtime.node_process import START_REAL_S, NodeProcess, node_process

INSTANCE = "/nacos/v1/ns/instance"
FORM = "Content-Type: application/x-www-form-urlencoded;charset=UTF-8"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A lone node as a process."""
    with node_process(tmp_path_factory.mktemp("raw"), "--client-port", "0") as started:
        yield started


def say(node: NodeProcess, line: str, *headers: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send exactly this and return status and body; no header comes of itself but Host."""
    host, port = node.ready["address"].split(":")
    head = "\r\n".join([f"{line} HTTP/1.1", "Host: x", *headers, "", ""]).encode()
    with socket.create_connection((host, int(port)), timeout=START_REAL_S) as connection:
        connection.sendall(head + body)
        answer = b""
        while not _is_whole(answer):
            part = connection.recv(65536)
            assert part, f"the node closed after {answer!r}"
            answer += part
    assert b"content-encoding" not in answer.lower()
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


def _is_whole(answer: bytes) -> bool:
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return bool(separator) and length is not None and len(body) >= int(length[1])


def test_java_puts_without_a_length(node: NodeProcess) -> None:
    """A POST and a light beat with a form type, no Content-Length and nothing behind."""
    query = "serviceName=g1%40%40java&ip=10.0.0.1&port=80&groupName=g1&enable=true"
    accepts = "Accept-Encoding: gzip,deflate,sdch"
    assert say(node, f"POST {INSTANCE}?{query}", FORM, accepts) == (200, b"ok")
    status, body = say(node, f"PUT {INSTANCE}/beat?{query}", FORM, accepts)
    assert (status, b'"code":10200' in body) == (200, True)
    assert say(node, f"PATCH {INSTANCE}?{query}&weight=2", FORM, accepts) == (200, b"ok")


def test_go_escapes_nothing(node: NodeProcess) -> None:
    """Raw JSON and UTF-8 in the body, raw @@ and quotes in the request line."""
    beat = '{"port":81,"ip":"10.0.0.2","serviceName":"g1@@go","cluster":"DEFAULT","metadata":{"s":"Köln"}}'
    body = f"serviceName=g1@@go&beat={beat}".encode()
    status, answer = say(
        node, f"PUT {INSTANCE}/beat", FORM, f"Content-Length: {len(body)}", "Connection: close", body=body
    )
    assert (status, b'"clientBeatInterval":5000' in answer) == (200, True)
    status, listed = say(node, f'GET {INSTANCE}/list?serviceName=g1@@go&clusters=&x={{"a":1}}')
    assert (status, "Köln".encode() in listed) == (200, True)
    gone = f"DELETE {INSTANCE}?serviceName=g1@@go&ip=10.0.0.2&port=81&ephemeral=true"
    assert say(node, gone, FORM) == (200, b"ok")


@pytest.mark.parametrize(
    ("line", "status", "sentence"),
    [
        ("BREW /nacos/v1/ns/instance", 405, b"does not take BREW"),
        ("GET /nacos/v1/ns/nothing", 404, b"no such api:GET:/nacos/v1/ns/nothing"),
        ("GET /nacos/v1/ns/instance/list", 400, b"Param 'serviceName' is required."),
    ],
)
def test_what_is_none_gets_a_sentence(node: NodeProcess, line: str, status: int, sentence: bytes) -> None:
    """Over the wire as over WSGI."""
    answered, body = say(node, line)
    assert (answered, sentence in body) == (status, True)
