"""Programs that go wrong in the ways a reader's own would, for tests of what they then see."""

import threading
import time

from harness.programs import HttpClient


def fails_at_once(node):
    print("opening the shop of", node.name)
    raise ValueError("no configuration file")


def makes_nothing(_node):
    return None


def gives_up(_node):
    raise SystemExit("please set SHOP_DB")


def is_done(_node):
    print("done already")


def never_listens(_node):
    threading.Event().wait()


def wants_two(_environ, _start_response):
    return []


def makes_silence(_node):
    """A WSGI application that answers everybody with an empty object, and knows no peers."""
    return answer


def answer(_environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]


def clock(api: HttpClient) -> str:
    """A digest on which no two nodes ever agree."""
    return api.url + str(time.monotonic())


NOT_A_FUNCTION = 7
