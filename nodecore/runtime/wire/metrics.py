"""What a node says of itself and its machine: GET /operator/metrics (reference/nacos-1.4.md 9.2).

Invariant: a figure that the machine does not give is -1, never invented.
"""

import os

from nodecore.core.enquiries import MetricsAnswer


def metrics_body(metrics: MetricsAnswer) -> dict[str, object]:
    """Return the metrics; `cpu` and `mem` are fractions of the machine's, `load` its average of a minute.

    `cpu` is that since it was last asked, so the first answer says 0.
    """
    import psutil  # noqa: PLC0415 - 0.1 s that a node which nobody asks need not pay

    return {
        "status": metrics.status.value,
        "serviceCount": metrics.services,
        "instanceCount": metrics.instances,
        "raftNotifyTaskCount": 0,
        "responsibleServiceCount": metrics.services_owned,
        "responsibleInstanceCount": metrics.instances_owned,
        "cpu": round(psutil.cpu_percent() / 100, 4),
        "load": round(_load(), 2),
        "mem": round(psutil.virtual_memory().percent / 100, 4),
    }


def _load() -> float:
    try:
        return os.getloadavg()[0]
    except OSError:
        return -1.0
