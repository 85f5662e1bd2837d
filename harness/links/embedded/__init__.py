"""The embedded link server: Toxiproxy 2.12's HTTP API and toxics in pure Python, one thread, one selector.

For machines without the real server: `cutheal links serve`, or started by the launcher (`main:main`).
`main` starts it, `loop` waits for sockets and moments; `api_server`, `http`, `routes`, `bodies` and
`golang_*` are the API; `proxy`, `connection`, `link`, `endpoint` and `addresses` carry bytes; `toxics` and
`kinds` are what toxics do and are told. Invariant: it listens on loopback only, and no request and no byte
ends the process.

Differs on purpose from Toxiproxy 2.12.0:

- Addresses other than loopback are refused with a 400, for listening and for dialling; a listen address that
  is left out is 127.0.0.1:0. No name but `localhost` is looked up (a name server would stall every link).
- `/version` has one more key, `"backend": "embedded"`.
- What crashes the real one is a 400: bandwidth `rate` below 0; slicer `average_size` below 1, or
  `size_variation` not between 0 and `average_size` (the rule of 2.13).
- A refused PATCH of a toxic changes nothing (2.12 keeps what is right beside what is wrong).
- What hangs the real one does not: adding, changing or removing a toxic never waits for a receiver that does
  not read, nor for a `reset_peer` whose time-out runs (that connection is still closed at its time).
- `--seed` works: what befalls a connection follows from the seed, the proxy's name and the how-manieth
  connection of it this is.
- A request larger than 8 MiB is a 413, and none is answered before it has come in whole. Answers never come
  in chunks; there are no metrics.
- A proxy that is out of file descriptors goes on accepting when there are some again (2.12 never does).
"""

BACKEND = "embedded"
"""What `/version` says it is."""

API_VERSION = "2.12.0"
"""Of the Toxiproxy whose API and behaviour it has."""
