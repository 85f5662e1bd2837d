"""All JSON and HTTP forms of the node: what Nacos 1.4 says on the wire, to and from the core's words.

Invariant: decoding raises `errors.Malformed` and nothing else, whatever the bytes (garbage-in law).
"""
