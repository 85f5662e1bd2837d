"""`cutheal doctor`: what this machine has and lacks for clusters, and what to do about each.

`command` runs everything, `finding` is one answer; `tools`, `limits`, `noise` and `leftovers` look.
"""
