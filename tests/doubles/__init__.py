"""Stand-ins for what the harness meets: a link server that does not cut, nodes that only answer probes."""
