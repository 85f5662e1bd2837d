"""Load: clients that ask a cluster on a schedule, or as fast as it answers, while faults happen.

What is measured is written down once a second, so that a crash loses no more; whoever prints reads it.
"""

from harness.load.crowd import Client
from harness.load.load import Load
from harness.load.plan import BadLoad, LoadPlan
from harness.load.result import LoadResult
from harness.load.running import Running

__all__ = ["BadLoad", "Client", "Load", "LoadPlan", "LoadResult", "Running"]
