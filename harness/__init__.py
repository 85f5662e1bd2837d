"""harness: clusters, links, faults and what they are judged by."""

from harness.cuts import Cut

__all__ = ["Cut"]
