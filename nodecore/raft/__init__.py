"""CP over PySyncObj: a replicated log, named groups on it, safe to kill at any time."""
