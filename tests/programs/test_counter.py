import json
import threading
from contextlib import suppress

import requests

from harness.programs import ForeignProgram, Wsgi


def make_app(node):  # a counter: twenty times a second each node tells its peers of all increments it knows
    counts, lock, end = dict.fromkeys([node.name, *node.links], 0), threading.Lock(), threading.Event()

    def app(environ, start_response):
        told = json.load(environ["wsgi.input"]) if environ["REQUEST_METHOD"] == "PUT" else {}
        with lock:
            counts.update({name: max(count, counts[name]) for name, count in told.items()})
            counts[node.name] += environ["REQUEST_METHOD"] == "POST"
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(counts).encode()]

    def tell(link):
        with requests.Session() as session:
            session.trust_env = False
            while not end.wait(0.05):
                with suppress(requests.RequestException):  # cut, or not up yet: the next time
                    session.put(f"http://{link}/", json=counts, timeout=0.3)

    for link in node.links.values():  # not the peers' own addresses: links can be cut
        threading.Thread(target=tell, args=[link], daemon=True).start()
    return app


COUNTER = ForeignProgram(Wsgi(make_app), data="/")


def test_both_sides_of_a_cut_count_on_and_agree_after_it(cluster_factory):
    cluster = cluster_factory(program=COUNTER)
    s1, s2, s3 = cluster.nodes
    with cluster.partition([s1, s2], [s3]):
        s1.api.post("/")
        s3.api.post("/")
        cluster.wait_until(lambda: s2.api.get("/").json(), {"s1": 1, "s2": 0, "s3": 0}, within_s=20)
        assert s3.api.get("/").json() == {"s1": 0, "s2": 0, "s3": 1}
    cluster.wait_converged(within_s=20)
    assert s2.api.get("/").json() == {"s1": 1, "s2": 0, "s3": 1}
