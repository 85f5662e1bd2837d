"""Everything that touches the world: the loop, the wire, the peers, the member list."""
