"""CP over PySyncObj: a replicated log, named groups on it, safe to kill at any time."""

import sys
from types import ModuleType

# PySyncObj 0.3.17 puts a Windows call in place of `socket.inet_ntop` on every system: psutil then fails.
sys.modules.setdefault("pysyncobj.win_inet_pton", ModuleType("pysyncobj.win_inet_pton"))
