"""The node as a pure state machine, AP side: events in, effects out, `now` as an argument."""
