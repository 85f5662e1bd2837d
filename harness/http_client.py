"""A plain HTTP client of one node, around the links; `node.api` of a program that names no other.

An answer that is an error raises ApiError with its status and sentence; no answer at all raises
Unreachable. Neither is ever swallowed. What the harness itself asks goes the short way (`ask`); what tests
ask goes through `requests`, which is imported by the first of them.
"""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from harness.kept_connections import Answer, KeptConnections, NotConnected

if TYPE_CHECKING:
    import requests

TIMEOUT_REAL_S = 5.0
"""Longer than any stall a judged run may have; a forward inside the node gives up long before."""


NOTHING: Mapping[str, str] = {}

OUTCOME_HEADER = "X-Outcome"
"""Beside an error: `definite`, nothing was done, or `indefinite`, it may have been or may yet be."""


class ApiError(Exception):
    """The node answered with an error status.

    `is_definite` tells whether certainly nothing was done, and nothing will be: the node says so, or it is
    the client's own mistake (4xx).
    """

    def __init__(self, status: int, message: str, url: str, outcome: str = "") -> None:
        super().__init__(f"{status} {message} ({url})")
        self.status = status
        self.message = message
        self.is_definite = outcome == "definite" or (not outcome and status < 500)


class Unreachable(Exception):
    """The node did not answer: dead, paused, or not listening yet.

    `is_definite` tells whether the request certainly did not leave: nobody took the connection.
    """

    def __init__(self, message: str, *, is_definite: bool = False) -> None:
        super().__init__(message)
        self.is_definite = is_definite


class HttpClient:
    """Calls of one node over one keep-alive session.

    Args:
        url: `http://ip:port` of the node.
        timeout_real_s: real seconds until a call gives up with Unreachable.

    """

    def __init__(self, url: str, timeout_real_s: float = TIMEOUT_REAL_S) -> None:
        self.url = url
        self._timeout_real_s = timeout_real_s
        self._kept = KeptConnections(url.removeprefix("http://"), timeout_real_s)
        self._opened: requests.Session | None = None

    def close(self) -> None:
        """Close all connections."""
        self._kept.close()
        if self._opened is not None:
            self._opened.close()

    def read(self, path: str, parameters: Mapping[str, Any]) -> Any:
        """GET a JSON document; raises what `ask` raises."""
        __tracebackhide__ = True
        return json.loads(self.ask("GET", path, parameters).body)

    def ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any],
        headers: Mapping[str, str] = NOTHING,
        body: str | None = None,
    ) -> Answer:
        """Send one request with query parameters, the short way, and return its answer.

        Raises:
            ApiError: the node answered with an error status.
            Unreachable: it did not answer.

        """
        __tracebackhide__ = True
        target = f"{path}?{urlencode(parameters, doseq=True)}" if parameters else path
        try:
            answer = self._kept.send(method, target, headers, body)
        except (OSError, HTTPException) as error:
            message = f"{method} {self.url}{target}: no answer: {str(error) or type(error).__name__}"
            raise Unreachable(message, is_definite=isinstance(error, NotConnected)) from None
        if not answer.is_ok:
            outcome = answer.headers.get(OUTCOME_HEADER.lower(), "")
            raise ApiError(answer.status, answer.text.strip(), f"{method} {self.url}{path}", outcome)
        return answer

    def get(self, path: str, **parameters: Any) -> "requests.Response":
        """GET with query parameters; raises what `call` raises."""
        __tracebackhide__ = True
        return self.call("GET", path, parameters)

    def put(self, path: str, body: str | bytes = b"", **parameters: Any) -> "requests.Response":
        """PUT a body with query parameters; raises what `call` raises."""
        __tracebackhide__ = True
        return self.call("PUT", path, parameters, body)

    def post(self, path: str, body: str | bytes = b"", **parameters: Any) -> "requests.Response":
        """POST a body with query parameters; raises what `call` raises."""
        __tracebackhide__ = True
        return self.call("POST", path, parameters, body)

    def delete(self, path: str, **parameters: Any) -> "requests.Response":
        """DELETE with query parameters; raises what `call` raises."""
        __tracebackhide__ = True
        return self.call("DELETE", path, parameters)

    def call(
        self,
        method: str,
        path: str,
        parameters: dict[str, Any],
        body: str | bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> "requests.Response":
        """Send one request with query parameters and return its 2xx answer.

        Raises:
            ApiError: the node answered with another status.
            Unreachable: it did not answer.

        """
        __tracebackhide__ = True
        from requests import RequestException  # noqa: PLC0415 - 0.1 s that only its users pay

        try:
            answer = self._session().request(
                method,
                self.url + path,
                params=parameters,
                data=body,
                headers=headers,
                timeout=self._timeout_real_s,
                allow_redirects=False,
            )
        except RequestException as error:
            message = f"{method} {self.url}{path}: no answer: {error}"
            raise Unreachable(message, is_definite=_has_not_left(error)) from None
        if not answer.ok:
            outcome = answer.headers.get(OUTCOME_HEADER, "")
            raise ApiError(answer.status_code, answer.text.strip(), f"{method} {self.url}{path}", outcome)
        return answer

    def _session(self) -> "requests.Session":
        if self._opened is None:
            from requests import Session  # noqa: PLC0415

            self._opened = Session()
            self._opened.trust_env = False
        return self._opened


def _has_not_left(error: "requests.RequestException") -> bool:
    """Tell whether there never was a connection over which a request could have gone."""
    from requests import ConnectTimeout  # noqa: PLC0415
    from urllib3.exceptions import NewConnectionError  # noqa: PLC0415

    cause = error.args[0] if error.args else None
    return isinstance(error, ConnectTimeout) or isinstance(getattr(cause, "reason", None), NewConnectionError)
