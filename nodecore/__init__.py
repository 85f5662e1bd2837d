"""nodecore: one node of a service registry whose consistency layer is that of the documents.

`python -m nodecore` runs it; `nodecore.core` is the node as a pure state machine, the packages
around it are what touches the world.
"""

__version__ = "0.5.0"
