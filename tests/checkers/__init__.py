"""Suite on the judges of histories: pure, with no cluster."""
