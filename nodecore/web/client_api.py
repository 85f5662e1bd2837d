"""The client API: `/nacos/v1/ns/instance`, `/service` and what operators ask (nacos-1.4.md 9.1, 9.2).

Invariant: a request becomes exactly one operation of the core, and its answer exactly one response.
"""

from http import HTTPStatus

from nodecore.core.answers import InstancesAnswer
from nodecore.core.operations import (
    Beat,
    ChangeMetadata,
    CreateService,
    DeleteService,
    DeregisterInstance,
    GetInstance,
    GetService,
    ListInstances,
    ListSubscribers,
    Operation,
    PatchInstance,
    RegisterInstance,
    SetChecks,
    SetHealth,
    UpdateService,
)
from nodecore.core.records import ClusterChecks, Service
from nodecore.runtime.loop import Runtime
from nodecore.runtime.wire.checks import read_checker
from nodecore.runtime.wire.client import encode_answer, json_answer
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.listing import Reader, list_reader
from nodecore.runtime.wire.values import load_object
from nodecore.web import parameters as read
from nodecore.web.asking import Asking
from nodecore.web.changes import read_metadata_changes, read_patch
from nodecore.web.identity import PeerIdentity
from nodecore.web.received import log_received
from nodecore.web.request import Request

_PLAIN_READER = Reader()


class ClientApi:
    """Answers clients, and peers that forward what clients asked."""

    def __init__(self, runtime: Runtime, identity: PeerIdentity, asking: Asking) -> None:
        self._runtime = runtime
        self._identity = identity
        self._asking = asking

    def register(self, request: Request) -> HttpAnswer:
        """POST and PUT /instance: Nacos treats both as an upsert."""
        parameters = request.parameters()
        operation = RegisterInstance(
            namespace=read.namespace(parameters),
            instance=read.instance(parameters),
            says_kind=read.says(parameters, "ephemeral"),
        )
        return self._answer(request, operation)

    def patch_instance(self, request: Request) -> HttpAnswer:
        """PATCH /instance: what is not said stays as it is."""
        return self._answer(request, read_patch(request.parameters()))

    def update_metadata(self, request: Request) -> HttpAnswer:
        """PUT /instance/metadata/batch: set these names in the metadata of many instances."""
        return self._change_metadata(request, remove=False)

    def remove_metadata(self, request: Request) -> HttpAnswer:
        """DELETE /instance/metadata/batch: take these names out of them."""
        return self._change_metadata(request, remove=True)

    def deregister(self, request: Request) -> HttpAnswer:
        """DELETE /instance; `ok` also when there was none."""
        parameters = request.parameters()
        operation = DeregisterInstance(
            namespace=read.namespace(parameters),
            service=read.grouped_service(parameters),
            ip=read.ip(parameters),
            port=read.port(parameters),
            cluster=read.cluster(parameters),
            ephemeral=read.flag(parameters, ("ephemeral",), default=True),
            says_kind=read.says(parameters, "ephemeral"),
        )
        return self._answer(request, operation)

    def get_instance(self, request: Request) -> HttpAnswer:
        """GET /instance; a persistent one is read `linearizable`, unless `consistency=stale`."""
        parameters = request.parameters()
        operation = GetInstance(
            namespace=read.namespace(parameters),
            service=read.grouped_service(parameters),
            ip=read.ip(parameters),
            port=read.port(parameters),
            cluster=read.cluster(parameters),
            ephemeral=read.kind(parameters),
            consistency=read.consistency(parameters),
        )
        return self._answer(request, operation)

    def list_instances(self, request: Request) -> HttpAnswer:
        """GET /instance/list: what this node knows, stale where persistent; an unknown service is empty."""
        parameters = request.parameters()
        operation = ListInstances(
            namespace=read.namespace(parameters),
            service=read.grouped_service(parameters),
            clusters=read.cluster_list(parameters),
            healthy_only=read.is_true(parameters, "healthyOnly"),
            subscriber=read.subscriber(parameters, request.agent, request.remote_ip),
        )
        if read.is_true(parameters, "isCheck"):
            return json_answer({})
        return self._answer(request, operation, list_reader(request.agent, parameters.get("clusters", "")))

    def beat(self, request: Request) -> HttpAnswer:
        """PUT /instance/beat; what a full beat says of address and cluster wins over the parameters."""
        parameters = request.parameters()
        service = read.grouped_service(parameters)
        text = parameters.get("beat", "").strip()
        instance = read.beat_instance(text, service) if text else None
        operation = Beat(
            namespace=read.namespace(parameters),
            service=service,
            ip=instance.ip if instance else read.ip(parameters),
            port=instance.port if instance else read.port(parameters),
            cluster=instance.cluster if instance else read.cluster(parameters),
            instance=instance,
        )
        return self._answer(request, operation)

    def create_service(self, request: Request) -> HttpAnswer:
        """POST /service: metadata in CP; without CP on this node."""
        return self._answer(request, CreateService(service=_said_of_service(request.parameters())))

    def update_service(self, request: Request) -> HttpAnswer:
        """PUT /service: threshold and metadata of a service that exists, anew; in CP, or on this node."""
        parameters = request.parameters()
        read.required(parameters, "protectThreshold")
        return self._answer(request, UpdateService(service=_said_of_service(parameters)))

    def get_service(self, request: Request) -> HttpAnswer:
        """GET /service; with CP it is read `linearizable`, unless `consistency=stale`."""
        parameters = request.parameters()
        operation = GetService(
            namespace=read.namespace(parameters),
            service=read.grouped_service(parameters),
            consistency=read.consistency(parameters),
        )
        return self._answer(request, operation)

    def delete_service(self, request: Request) -> HttpAnswer:
        """DELETE /service: in CP, then its ephemeral instances on this node, never forwarded (R25)."""
        parameters = request.parameters()
        operation = DeleteService(
            namespace=read.namespace(parameters), service=read.grouped_service(parameters)
        )
        return self._answer(request, operation)

    def set_checks(self, request: Request) -> HttpAnswer:
        """PUT /cluster: how the persistent instances of a cluster are checked (R19); needs CP."""
        parameters = request.parameters()
        checks = ClusterChecks(
            name=read.checked_cluster(read.required(parameters, "clusterName")),
            checker=read_checker(parameters.get("healthChecker", "").strip()),
            check_port=read.check_port(parameters),
            use_instance_port=read.flag(parameters, ("useInstancePort4Check",), default=True),
            metadata=read.metadata(parameters),
        )
        namespace, service = read.namespace(parameters), read.grouped_service(parameters)
        return self._answer(request, SetChecks(namespace=namespace, service=service, checks=checks))

    def set_health(self, request: Request) -> HttpAnswer:
        """PUT /health and /health/instance: of a persistent instance that nobody checks (checker NONE)."""
        parameters = request.parameters()
        read.required(parameters, "healthy")
        operation = SetHealth(
            namespace=read.namespace(parameters),
            service=read.grouped_service(parameters),
            ip=read.ip(parameters),
            port=read.port(parameters),
            cluster=read.cluster(parameters),
            healthy=read.flag(parameters, ("healthy",), default=True),
        )
        return self._answer(request, operation)

    def subscribers(self, request: Request) -> HttpAnswer:
        """GET /service/subscribers: who is pushed to by this node."""
        parameters = request.parameters()
        operation = ListSubscribers(
            namespace=read.namespace(parameters), service=read.grouped_service(parameters)
        )
        return self._answer(request, operation)

    def _answer(self, request: Request, operation: Operation, reader: Reader = _PLAIN_READER) -> HttpAnswer:
        forwarded_by = self._identity.forwarder(request)
        if forwarded_by is not None:
            log_received(self._runtime, request, forwarded_by, "Forward", _service(operation))
        answer = self._asking.answer(operation, forwarded_by, may_wait=request.may_wait)
        if isinstance(answer, InstancesAnswer):
            request.leave_if_long(len(answer.instances))
        return encode_answer(answer, reader)

    def _change_metadata(self, request: Request, *, remove: bool) -> HttpAnswer:
        """Persistent and ephemeral instances are two changes, of which the first refusal is the answer."""
        changes = read_metadata_changes(request.parameters(), remove=remove)
        updated: list[object] = []
        for change in changes:
            answer = self._answer(request, change)
            if answer.status != HTTPStatus.OK or len(changes) == 1:
                return answer
            updated += load_object(answer.body, "the answer")["updated"]
        return json_answer({"updated": updated})


def _service(operation: Operation) -> str:
    match operation:
        case RegisterInstance(instance=instance):
            return instance.service
        case DeregisterInstance() | PatchInstance() | ChangeMetadata() | Beat() | SetHealth():
            return operation.service
        case _:
            return ""


def _said_of_service(parameters: read.Parameters) -> Service:
    read.check_selector(parameters)
    return Service(
        namespace=read.namespace(parameters),
        name=read.grouped_service(parameters),
        protect_threshold=read.protect_threshold(parameters),
        metadata=read.metadata(parameters),
    )
