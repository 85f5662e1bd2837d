"""What operators and the console read of services and instances (reference/nacos-1.4.md 9.2).

Invariant: everything is answered by the node that was asked, from what it holds, and in order of the names.
"""

from collections.abc import Callable, Sequence

from nodecore.core.enquiries import ReadServices, ServicesAnswer, ServiceView
from nodecore.core.keys import bare_name, group_of
from nodecore.core.records import DEFAULT_GROUP, Instance
from nodecore.errors import BadRequest, NotFound
from nodecore.runtime.loop import Runtime
from nodecore.runtime.wire import catalog as body
from nodecore.runtime.wire.catalog import Page
from nodecore.runtime.wire.client import encode_answer, json_answer
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.listing import Reader
from nodecore.web import parameters as read
from nodecore.web.parameters import Parameters
from nodecore.web.replies import await_reply
from nodecore.web.request import Request

_PLAIN_READER = Reader()
_ALL_GROUPS = "*"

Views = Sequence[ServiceView]


class CatalogApi:
    """Answers who wants to see services rather than use one."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def service_list(self, request: Request) -> HttpAnswer:
        """GET /service/list: one page of the bare names of a group; `groupName=*` is all groups."""
        parameters = request.parameters()
        page = read_page(parameters)
        group = read.optional(parameters, ("groupName",), DEFAULT_GROUP)
        return self._answer(
            ReadServices(namespace=read.namespace(parameters)),
            lambda views: body.service_list_body(_of_group(views, group), page),
        )

    def service_names(self, request: Request) -> HttpAnswer:
        """GET /service/names: bare names by namespace; `expr` is a part of the grouped name."""
        parameters = request.parameters()
        namespace = read.namespace(parameters) if parameters.get("namespaceId", "").strip() else None
        part = parameters.get("expr", "").strip()
        own_only = read.flag(parameters, ("responsibleOnly",), default=False)

        def found(views: Views) -> object:
            kept = [v for v in views if part in v.service.name and (v.responsible or not own_only)]
            return body.names_body(kept, namespace)

        return self._answer(ReadServices(namespace=namespace), found)

    def service_checksum(self, request: Request) -> HttpAnswer:
        """PUT /service/checksum: that of the instance list, as verify compares it."""
        return self._one(request.parameters(), lambda view: {"checksum": view.checksum})

    def statuses(self, request: Request) -> HttpAnswer:
        """GET /instance/statuses?key=NAMESPACE##GROUP@@SERVICE: the health of each instance."""
        key = read.required(request.parameters(), "key")
        namespace, separator, service = key.partition("##")
        if not separator:
            raise BadRequest(f"key {key[:80]!r} is not namespace##group@@service")
        return self._of(namespace, read.checked_service(service), body.statuses_body)

    def services(self, request: Request) -> HttpAnswer:
        """GET /catalog/services: one line a service, or with `withInstances` all there is to know."""
        parameters = request.parameters()
        page = read_page(parameters)
        detailed = read.flag(parameters, ("withInstances",), default=True)

        def found(views: Views) -> object:
            kept = _searched(views, parameters)
            return (body.catalog_details_body if detailed else body.catalog_services_body)(kept, page)

        return self._answer(ReadServices(namespace=read.namespace(parameters)), found)

    def service(self, request: Request) -> HttpAnswer:
        """GET /catalog/service: a service and its clusters."""
        return self._one(request.parameters(), body.catalog_service_body)

    def instances(self, request: Request) -> HttpAnswer:
        """GET /catalog/instances: one page of the instances of a cluster."""
        parameters = request.parameters()
        cluster, page = read.cluster(parameters), read_page(parameters)
        return self._one(parameters, lambda view: body.catalog_instances_body(view, cluster, page))

    def _one(self, parameters: Parameters, show: Callable[[ServiceView], object]) -> HttpAnswer:
        return self._of(read.namespace(parameters), read.grouped_service(parameters), show)

    def _of(self, namespace: str, service: str, show: Callable[[ServiceView], object]) -> HttpAnswer:
        def shown(views: Views) -> object:
            if not views:
                raise NotFound(f"service {service} is not found!")
            return show(views[0])

        return self._answer(ReadServices(namespace=namespace, service=service), shown)

    def _answer(self, asked: ReadServices, show: Callable[[Views], object]) -> HttpAnswer:
        answer = await_reply(self._runtime.ask(asked))
        if isinstance(answer, ServicesAnswer):
            return json_answer(show(answer.services))
        return encode_answer(answer, _PLAIN_READER)


def read_page(parameters: Parameters) -> Page:
    """Return the page that is asked for; both parameters are required, and count from 1."""
    return Page(_count(parameters, "pageNo"), _count(parameters, "pageSize"))


def _count(parameters: Parameters, name: str) -> int:
    text = read.required(parameters, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise BadRequest(f"{name} {text[:80]!r} is not a whole number from 1 on")
    return int(text)


def _of_group(views: Views, group: str) -> Views:
    return [view for view in views if group in (_ALL_GROUPS, group_of(view.service.name))]


def _searched(views: Views, parameters: Parameters) -> Views:
    """Keep what matches parts of the names, an instance's `ip` or `ip:port`, and has instances if it must."""
    name = parameters.get("serviceNameParam", "").strip()
    group = parameters.get("groupNameParam", "").strip()
    instance = parameters.get("instance", "").strip()
    filled_only = read.flag(parameters, ("hasIpCount",), default=False)
    return [
        view
        for view in views
        if name in bare_name(view.service.name)
        and group in group_of(view.service.name)
        and (not instance or any(_is_at(entry, instance) for entry in view.instances))
        and (view.instances or not filled_only)
    ]


def _is_at(entry: Instance, address: str) -> bool:
    return address in (entry.ip, f"{entry.ip}:{entry.port}")
