"""Load: clients that ask a cluster on a schedule, or as fast as it answers, while faults happen.

What is measured is written down once a second, so that a crash loses no more; whoever prints reads it.
"""
