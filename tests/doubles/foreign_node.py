"""A Nacos 1.4.2 server as the reference describes its wire (nacos-1.4.md 1-4, nacos-observed.md b, c).

It is written from these pages alone and shares no line with nodecore (its data: foreign_data.py). It does
nothing by itself: the test says when it reports, verifies, or loads. What it receives is kept in `heard`.
What makes it foreign: it knows no delete between members, names no ring, and aborts a verify that names a
key which it believes its own.
"""

import json
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from tests.doubles.foreign_data import instance_of, key_of, md5_of, name_of, owner_of

DISTRO = "/nacos/v1/ns/distro"
REPORT = "/nacos/v1/core/cluster/report"
STATUS = "/nacos/v1/ns/service/status"
INSTANCE = "/nacos/v1/ns/instance"
CALL_REAL_S = 30.0
"""Of its own calls; on a machine that is busy with other tests."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One request that came in; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class ForeignNode:
    """One server on "127.0.0.1:PORT".

    Args:
        address: where to listen, and how the others know it.
        members: all of the cluster, itself included.
        delete_status: how it refuses a delete between members; the original says 501.
    """

    def __init__(self, address: str, members: list[str], delete_status: int = 501) -> None:
        self.address = address
        self.members = members
        self.ring = [address]
        self.data: dict[str, list[dict[str, Any]]] = {}
        self.heard: list[Heard] = []
        self.delete_status = delete_status
        self._lock = threading.RLock()
        self._session = requests.Session()
        self._session.trust_env = False
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.end_connections()
        self._server.server_close()
        self._thread.join()
        self._session.close()

    # ---- what the test makes it do -----------------------------------------------------------------

    def owner(self, service: str) -> str:
        return owner_of(service, self.ring)

    def ips(self, service: str) -> list[str]:
        """Addresses it would list for a grouped name in `public`."""
        with self._lock:
            return sorted(entry["ip"] for entry in self.data.get(key_of(service), []))

    def health(self, service: str) -> dict[str, bool]:
        """What it would list as healthy of a grouped name in `public`."""
        with self._lock:
            return {entry["ip"]: entry["healthy"] for entry in self.data.get(key_of(service), [])}

    def said(self, method: str, path: str) -> list[Heard]:
        """What it heard of one kind so far."""
        with self._lock:
            return [h for h in self.heard if (h.method, h.path) == (method, path)]

    def report_to_all(self) -> list[Any]:
        """Its two-second probe; whoever answers is UP for it. Returns what each said in `data`."""
        answers = []
        for member in self._others():
            headers = {"Nacos-Server": "1.4.2", "User-Agent": "Apache-HttpAsyncClient/4.1.3"}
            body = self._call("POST", member, REPORT, json=self._member(), headers=headers).json()
            answers.append(body["data"])
            self._is_up(member)
        return answers

    def verify_to_all(self) -> None:
        """The checksums of what it owns, without any name of its ring; nothing when it owns nothing."""
        with self._lock:
            owned = {k: md5_of(v) for k, v in self.data.items() if self.owner(name_of(k)) == self.address}
        for member in self._others() if owned else []:
            path = f"{DISTRO}/checksum?source={self.address}"
            answer = self._call("PUT", member, path, json=owned, headers=_PEER)
            assert (answer.status_code, answer.text) == (200, "ok")

    def sync_to_all(self, key: str) -> None:
        """A changed list, with the false gzip header that the original sends."""
        headers = _PEER | {"Content-Encoding": "gzip", "Content-Type": "application/json;charset=UTF-8"}
        for member in self._others():
            sent = json.dumps(self._datums([key])).encode()
            answer = self._call("PUT", member, f"{DISTRO}/datum", data=sent, headers=headers)
            assert (answer.status_code, answer.text) == (200, "ok")

    def status_to_all(self) -> None:
        """The health checksums of what it owns, also when that is nothing."""
        with self._lock:
            owned = {name_of(k): "c" for k in self.data if self.owner(name_of(k)) == self.address}
        statuses = json.dumps({"namespaceId": "public", "serviceName2Checksum": owned})
        for member in self._others():
            said = {"clientIP": self.address, "statuses": statuses}
            answer = self._call("POST", member, STATUS, json=said, headers=_PEER)
            assert (answer.status_code, answer.text) == (200, "ok")

    def load_from(self, member: str) -> None:
        """A snapshot, as at its start."""
        headers = _PEER | {"Request-Source": self.address, "Content-Type": _FORM}
        answer = self._call("GET", member, f"{DISTRO}/datums?encoding=UTF-8&nofix=1", headers=headers)
        self._store(answer.json())

    def ask(self, method: str, parameters: dict[str, str], agent: str = "curl/8") -> tuple[int, str]:
        """A client's write to an instance, asked of this server."""
        return self._write(method, parameters, {"user-agent": agent, "host": self.address})

    # ---- what others make it do --------------------------------------------------------------------

    def answer(self, heard: Heard) -> tuple[int, str, bytes]:  # noqa: PLR0911  one return per request
        """Status, content type and body for one request."""
        with self._lock:
            self.heard.append(heard)
        match heard.method, heard.path:
            case "POST", "/nacos/v1/core/cluster/report":
                return self._reported(json.loads(heard.body))
            case "PUT", "/nacos/v1/ns/distro/datum":
                return self._put_datum(json.loads(heard.body))
            case "GET", "/nacos/v1/ns/distro/datum":
                keys = json.loads(heard.body)["keys"].split(",")
                return 200, _OCTETS, json.dumps(self._datums(keys)).encode()
            case "GET", "/nacos/v1/ns/distro/datums":
                return 200, _OCTETS, json.dumps(self._datums(list(self.data))).encode()
            case "PUT", "/nacos/v1/ns/distro/checksum":
                self._verified(heard.query["source"], json.loads(heard.body))
                return 200, _TEXT, b"ok"
            case "POST", "/nacos/v1/ns/service/status":
                said = json.loads(heard.body)
                self._told_status(said["clientIP"], json.loads(said["statuses"]))
                return 200, _TEXT, b"ok"
            case "POST" | "PUT" | "DELETE", "/nacos/v1/ns/instance":
                form = parse_qs(heard.body.decode(), keep_blank_values=True)
                said = dict(heard.query) | {name: values[0] for name, values in form.items()}
                status, text = self._write(heard.method, said, heard.headers)
                return status, _TEXT, text.encode()
            case "DELETE", _:
                return self.delete_status, _JSON, b'{"status":501,"message":"no such api:DELETE"}'
            case _:
                return 501, _JSON, b'{"status":501,"message":"no such api"}'

    def _reported(self, member: dict[str, Any]) -> tuple[int, str, bytes]:
        sender = member.get("address") or f"{member['ip']}:{member['port']}"
        if sender in self.members:
            self._is_up(sender)
        known = "true" if sender in self.members else "false"
        return 200, _JSON, json.dumps({"code": 200, "message": None, "data": known}).encode()

    def _put_datum(self, sent: dict[str, Any]) -> tuple[int, str, bytes]:
        if not sent:
            return 500, _TEXT, b"caused: receive empty entity!;"
        self._store(sent)
        return 200, _TEXT, b"ok"

    def _verified(self, source: str, sums: dict[str, str]) -> None:
        if any(self.owner(name_of(key)) == self.address for key in sums):
            return
        with self._lock:
            differs = [key for key in sums if key not in self.data or md5_of(self.data[key]) != sums[key]]
            gone = [key for key in self.data if self.owner(name_of(key)) == source and key not in sums]
            for key in gone:
                del self.data[key]
        if differs:
            headers = {"User-Agent": "Apache-HttpClient/4.5 (Java/17.0.15)"}
            body = json.dumps({"keys": ",".join(differs)})
            self._store(self._call("GET", source, f"{DISTRO}/datum", data=body, headers=headers).json())

    def _write(self, method: str, said: dict[str, str], headers: Mapping[str, str]) -> tuple[int, str]:
        service = (
            said["serviceName"] if "@@" in said["serviceName"] else f"DEFAULT_GROUP@@{said['serviceName']}"
        )
        owner = self.owner(service)
        if owner == self.address:
            self._change(method, service, said)
            return 200, "ok"
        if "Nacos-Server" in headers.get("user-agent", ""):
            return 400, "receive invalid redirect request from peer 127.0.0.1"
        query = urlencode(said | {"serviceName": service}) + "&encoding=UTF-8&nofix=1"
        sent = dict(headers) | _PEER | {"Request-Source": self.address, "content-type": _FORM}
        sent.pop("User-Agent")
        sent |= {"user-agent": "Nacos-Server:1.4.2"}
        answer = self._call(method, owner, f"{INSTANCE}?{query}", headers=sent)
        return answer.status_code, answer.text

    def _change(self, method: str, service: str, said: dict[str, str]) -> None:
        key = key_of(service)
        with self._lock:
            others = [
                e for e in self.data.get(key, []) if (e["ip"], str(e["port"])) != (said["ip"], said["port"])
            ]
            self.data[key] = others if method == "DELETE" else [*others, instance_of(service, said)]
        self.sync_to_all(key)

    def _store(self, sent: dict[str, Any]) -> None:
        """Health that it knows already it does not take from a list (1.4): for that there are statuses."""
        with self._lock:
            for key, datum in sent.items():
                known = {e["instanceId"]: e["healthy"] for e in self.data.get(key, [])}
                listed = datum["value"]["instanceList"]
                self.data[key] = [e | {"healthy": known.get(e["instanceId"], e["healthy"])} for e in listed]

    def _told_status(self, source: str, said: dict[str, Any]) -> None:
        """A checksum that differs from its own, as that of another implementation always does: ask (6.4)."""
        for service in said["serviceName2Checksum"]:
            key = f"{said['namespaceId']}##{service}"
            path = f"{INSTANCE}/statuses?{urlencode({'key': key})}&encoding=UTF-8&nofix=1"
            told = dict(ip.split("_") for ip in self._call("GET", source, path, headers=_PEER).json()["ips"])
            with self._lock:
                for entry in self.data.get(key_of(service, said["namespaceId"]), []):
                    entry["healthy"] = told.get(f"{entry['ip']}:{entry['port']}") == "true"

    def _datums(self, keys: list[str]) -> dict[str, Any]:
        with self._lock:
            return {
                key: {"key": key, "value": {"instanceList": self.data[key]}, "timestamp": 1}
                for key in keys
                if key in self.data
            }

    def _is_up(self, member: str) -> None:
        with self._lock:
            self.ring = sorted({*self.ring, member})

    def _others(self) -> list[str]:
        return [member for member in self.members if member != self.address]

    def _member(self) -> dict[str, Any]:
        ip, port = self.address.split(":")
        extended = {"lastRefreshTime": 1, "raftMetaData": {}, "raftPort": "7848", "version": "1.4.2"}
        named = {"ip": ip, "port": int(port), "state": "UP", "extendInfo": extended}
        return named | {"address": self.address, "failAccessCnt": 0}

    def _call(self, method: str, member: str, target: str, **what: Any) -> requests.Response:
        return self._session.request(method, f"http://{member}{target}", timeout=CALL_REAL_S, **what)


_FORM = "application/x-www-form-urlencoded;charset=UTF-8"
_JSON = "application/json;charset=UTF-8"
_TEXT = "text/plain;charset=UTF-8"
_OCTETS = "application/octet-stream;charset=UTF-8"
_PEER = {"User-Agent": "Nacos-Server:1.4.2", "Client-Version": "1.4.2"}


class _Server(ThreadingHTTPServer):
    """Threads that keep connections, all ended by `end_connections`."""

    daemon_threads = False

    def __init__(self, node: ForeignNode) -> None:
        self._open: list[socket.socket] = []
        host, port = node.address.split(":")
        super().__init__((host, int(port)), _handler(node))

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.append(connection)
        return connection, address

    def end_connections(self) -> None:
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended already


def _handler(node: ForeignNode) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def parse_request(self) -> bool:
            if super().parse_request():
                self._answer()
            return False

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            query = {n: v[0] for n, v in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            status, kind, answer = node.answer(Heard(self.command, parts.path, query, headers, body))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_said: Any) -> None:
            return

    return Handler
