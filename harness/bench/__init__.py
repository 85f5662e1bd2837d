"""`cutheal bench`: how fast, as a ratio against a floor measured in the same run.

A bench reports, it does not judge: a goal that is not met is printed as such and the exit code is 0.
"""
