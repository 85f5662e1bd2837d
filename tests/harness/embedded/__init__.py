"""The embedded link server, part by part; that it behaves as Toxiproxy does is tests/contract's to show."""
