"""The client API: `/nacos/v1/ns/instance`, `/service` and what operators ask (nacos-1.4.md 9.1, 9.2).

Invariant: a request becomes exactly one operation of the core, and its answer exactly one response.
"""

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
    UpdateService,
)
from nodecore.core.records import Service
from nodecore.runtime.loop import Runtime
from nodecore.runtime.wire.client import encode_answer, json_answer
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.listing import Reader, list_reader
from nodecore.web import parameters as read
from nodecore.web.changes import read_metadata_change, read_patch
from nodecore.web.identity import PeerIdentity
from nodecore.web.received import log_received
from nodecore.web.replies import await_reply
from nodecore.web.request import Request

_PLAIN_READER = Reader()


class ClientApi:
    """Answers clients, and peers that forward what clients asked."""

    def __init__(self, runtime: Runtime, identity: PeerIdentity) -> None:
        self._runtime = runtime
        self._identity = identity

    def register(self, request: Request) -> HttpAnswer:
        """POST and PUT /instance: Nacos treats both as an upsert."""
        parameters = request.parameters()
        instance = read.instance(parameters)
        return self._answer(
            request, RegisterInstance(namespace=read.namespace(parameters), instance=instance)
        )

    def patch_instance(self, request: Request) -> HttpAnswer:
        """PATCH /instance: what is not said stays as it is."""
        return self._answer(request, read_patch(request.parameters()))

    def update_metadata(self, request: Request) -> HttpAnswer:
        """PUT /instance/metadata/batch: set these names in the metadata of many instances."""
        return self._answer(request, read_metadata_change(request.parameters(), remove=False))

    def remove_metadata(self, request: Request) -> HttpAnswer:
        """DELETE /instance/metadata/batch: take these names out of them."""
        return self._answer(request, read_metadata_change(request.parameters(), remove=True))

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
        )
        return self._answer(request, operation)

    def get_instance(self, request: Request) -> HttpAnswer:
        """GET /instance."""
        parameters = request.parameters()
        operation = GetInstance(
            namespace=read.namespace(parameters),
            service=read.grouped_service(parameters),
            ip=read.ip(parameters),
            port=read.port(parameters),
            cluster=read.cluster(parameters),
        )
        return self._answer(request, operation)

    def list_instances(self, request: Request) -> HttpAnswer:
        """GET /instance/list; an unknown service is an empty list."""
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
        """POST /service: metadata on this node."""
        return self._answer(request, CreateService(service=_said_of_service(request.parameters())))

    def update_service(self, request: Request) -> HttpAnswer:
        """PUT /service: the metadata of a service that exists on this node, all of it anew."""
        parameters = request.parameters()
        read.required(parameters, "protectThreshold")
        return self._answer(request, UpdateService(service=_said_of_service(parameters)))

    def get_service(self, request: Request) -> HttpAnswer:
        """GET /service."""
        parameters = request.parameters()
        operation = GetService(namespace=read.namespace(parameters), service=read.grouped_service(parameters))
        return self._answer(request, operation)

    def delete_service(self, request: Request) -> HttpAnswer:
        """DELETE /service: on this node, never forwarded (R25)."""
        parameters = request.parameters()
        operation = DeleteService(
            namespace=read.namespace(parameters), service=read.grouped_service(parameters)
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
        answer = await_reply(self._runtime.ask(operation, forwarded_by))
        return encode_answer(answer, reader)


def _service(operation: Operation) -> str:
    match operation:
        case RegisterInstance(instance=instance):
            return instance.service
        case DeregisterInstance() | PatchInstance() | ChangeMetadata() | Beat():
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
