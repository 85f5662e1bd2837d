"""The links of a cluster: one Toxiproxy proxy per ordered pair and channel, cut, healed and verified."""
