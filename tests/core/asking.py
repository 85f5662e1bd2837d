"""What clients ask in these tests, in short."""

from nodecore.core.answers import InstancesAnswer
from nodecore.core.operations import Beat, DeregisterInstance, ListInstances, RegisterInstance
from nodecore.core.records import Instance
from tests.core.driver import A0, Driver


def register(instance: Instance) -> RegisterInstance:
    return RegisterInstance(namespace="public", instance=instance)


def deregister(service: str, ip: str = "10.0.0.1", **fields: bool) -> DeregisterInstance:
    return DeregisterInstance(
        namespace="public", service=service, ip=ip, port=80, cluster="DEFAULT", **fields
    )


def beat(service: str = A0, instance: Instance | None = None) -> Beat:
    return Beat(
        namespace="public", service=service, ip="10.0.0.1", port=80, cluster="DEFAULT", instance=instance
    )


def listing(driver: Driver, service: str = A0, **fields: object) -> InstancesAnswer:
    answer = driver.ask(ListInstances(namespace="public", service=service, **fields))  # type: ignore[arg-type]
    assert isinstance(answer, InstancesAnswer)
    return answer
