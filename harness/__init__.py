"""harness: clusters, links, faults and what they are judged by."""
