"""One contract for link servers: the real Toxiproxy, the embedded server and a deaf double run its checks.

`python -m tests.contract.table` prints check x server; `test_contract.py` runs the same under pytest. The
reference page (reference/toxiproxy.md) is where the checks come from, and Toxiproxy's own tests, whose
names stand in their docstrings. Where both are silent the real server, 2.12.0, was asked. What it said, and
a check holds it to:

- `/populate` of an empty list, or of null, is a 201 with `{"proxies":null}`; a name twice in a list makes
  both, one after the other, and the last stays. (populating)
- A PATCH of a toxic that is refused may be half done: what stands before the bad value is changed, behind
  the 400; `toxicity` never is. The embedded server changes nothing then. (toxics)
- An address that cannot be read is a 500 that changes nothing; one that is taken is a 500 that leaves the
  proxy stopped, with the new address. `upstream` may be emptied by a PATCH, not by a POST of a new proxy.
  (proxies)
- A stream may be written `UPSTREAM`; it is told so, and the default name is made of it. What is wrong with
  a toxic is said in the order stream, type, name taken, attributes. Toxics are listed upstream first, then
  by age. (toxics)
- `toxicity` is told as a float32 in its fewest digits: 0.123456789 comes back as 0.12345679; 1e39 is a 400.
  (toxics)
- Proxy and toxic fields come in a fixed order, and `<`, `>`, `&` as `\\u003c`, `\\u003e`, `\\u0026`.
  (proxies)
- JSON ends with its first value: what follows is not read. Of two equal keys the last counts, but two
  objects of one key are merged. Half a surrogate, and bytes that are no UTF-8, become U+FFFD. Keys fold as
  Unicode does. 10,000 brackets are too deep. A body of megabytes is taken. (decoding)
- `//proxies`, `/proxies/./p` are a 301 with a Location; a slash at the end of a path is a 404; HEAD and
  OPTIONS are a 405; 404 and 405 of the router come without a request id, and before browsers are turned
  away. (protocol)
- Pipelining, chunked bodies, `Expect: 100-continue`, bare line feeds and HTTP/1.0 work; what is no HTTP
  gets a 400 in plain text and the end of the connection; HTTP/3.7 a 505; a transfer encoding other than
  chunked a 501. (protocol)
- An answer above 2 kB comes in chunks, with `Transfer-Encoding: chunked`: a client must read both forms.
- A reset by one side reaches the other as an orderly end, unless `reset_peer` was there first. (passing)
- A `timeout` or `limit_data` below 0 is as 0. (black_holes, closing)
- Removing a `slow_close`, or updating it to 0, delivers an end that it holds. (closing)
- An update of a `latency` delivers what it holds of the first chunk at once; of a `slicer`, the rest of the
  chunk that it is slicing, whole. (holding, slicing)
- With bytes in flight that nobody reads, adding or removing a toxic waits for the reader, and with it every
  call that names that proxy, `GET /proxies` included: the check that streams megabytes reads all the while.
  (crowds)
- `connections` opened under a `reset_peer` are reset at their end though its toxicity be 0. (closing)
"""
