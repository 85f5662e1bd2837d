"""What a client is answered, as Nacos 1.4 writes it (reference/nacos-1.4.md 4.3, 9; nacos-observed.md b)."""

from http import HTTPStatus
from typing import assert_never

from nodecore.core.answers import (
    Answer,
    AskCp,
    BeatAnswer,
    Done,
    InstanceAnswer,
    InstancesAnswer,
    MembersAnswer,
    RecordAnswer,
    Refused,
    Relayed,
    ServiceAnswer,
    StateAnswer,
    SubscribersAnswer,
    UpdatedAnswer,
    WouldForward,
)
from nodecore.core.enquiries import MetricsAnswer, ResponsibleAnswer, ServicesAnswer, SwitchesAnswer
from nodecore.core.records import Instance, Service
from nodecore.runtime.wire.catalog import updated_body
from nodecore.runtime.wire.checks import cluster_body
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.listing import Reader, list_body
from nodecore.runtime.wire.metrics import metrics_body
from nodecore.runtime.wire.push import subscribers_body
from nodecore.runtime.wire.state import state_body
from nodecore.runtime.wire.switches import switches_body
from nodecore.runtime.wire.values import JSON_TYPE, TEXT_TYPE, dump

OUTCOME_HEADER = "X-Outcome"
"""Beside a 503: `definite`, nothing was done, or `indefinite`, it may or may not be done."""
CODE_OK = 10200
CODE_UNKNOWN_INSTANCE = 20404

_JSON = {"Content-Type": JSON_TYPE}
_TEXT = {"Content-Type": TEXT_TYPE}


def encode_answer(answer: Answer, reader: Reader) -> HttpAnswer:
    """Return the response for what the core answered a client."""
    match answer:
        case Done():
            return text_answer(200, "ok")
        case Refused(status=status, message=message, definite=definite):
            return refusal(status, message, definite=definite)
        case Relayed(status=status, content_type=content_type, body=body):
            return HttpAnswer(status=status, headers={"Content-Type": content_type}, body=body)
        case _:
            return HttpAnswer(status=200, headers=_JSON, body=dump(_body(answer, reader)))


def text_answer(status: int, sentence: str) -> HttpAnswer:
    """Return a plain sentence."""
    return HttpAnswer(status=status, headers=_TEXT, body=sentence.encode(errors="replace"))


def refusal(status: int, sentence: str, *, definite: bool) -> HttpAnswer:
    """Return a no; a 503 also says whether it is certain that nothing was done."""
    answer = text_answer(status, sentence)
    if status != HTTPStatus.SERVICE_UNAVAILABLE:
        return answer
    outcome = "definite" if definite else "indefinite"
    return HttpAnswer(status=status, headers={**answer.headers, OUTCOME_HEADER: outcome}, body=answer.body)


def json_answer(body: object) -> HttpAnswer:
    """Return a JSON document."""
    return HttpAnswer(status=200, headers=_JSON, body=dump(body))


def _body(  # noqa: C901, PLR0911, PLR0912  one case per answer
    answer: BeatAnswer
    | UpdatedAnswer
    | InstanceAnswer
    | InstancesAnswer
    | SubscribersAnswer
    | ServiceAnswer
    | ServicesAnswer
    | MetricsAnswer
    | SwitchesAnswer
    | ResponsibleAnswer
    | MembersAnswer
    | RecordAnswer
    | StateAnswer
    | AskCp
    | WouldForward,
    reader: Reader,
) -> object:
    match answer:
        case BeatAnswer():
            return _beat(answer)
        case UpdatedAnswer(instances):
            return updated_body(instances)
        case InstanceAnswer(instance):
            return _instance(instance)
        case InstancesAnswer():
            return list_body(answer, reader)
        case SubscribersAnswer(subscriptions):
            return subscribers_body(subscriptions)
        case ServiceAnswer(service):
            return _service(service)
        case ResponsibleAnswer(address):
            return {"responsibleServer": address}
        case MembersAnswer():
            raise TypeError("members are answered as the view of the cluster that was asked for")
        case StateAnswer():
            return state_body(answer)
        case MetricsAnswer():
            return metrics_body(answer)
        case SwitchesAnswer(switches):
            return switches_body(switches)
        case ServicesAnswer():
            raise TypeError("services are answered as the list or catalogue that was asked for")
        case AskCp():
            raise TypeError("CP is asked before a client is answered")
        case WouldForward():
            raise TypeError("what may not wait is asked again by one who may")
        case RecordAnswer():
            raise TypeError("records are read by ConsistencyService, not over HTTP")
        case _:
            assert_never(answer)


def _beat(answer: BeatAnswer) -> dict[str, object]:
    interval_ms = max(1, round(answer.interval_s * 1000))
    if not answer.known:
        return {"clientBeatInterval": interval_ms, "code": CODE_UNKNOWN_INSTANCE}
    return {"clientBeatInterval": interval_ms, "code": CODE_OK, "lightBeatEnabled": answer.light_beats}


def _instance(instance: Instance) -> dict[str, object]:
    return {
        "service": instance.service,
        "ip": instance.ip,
        "port": instance.port,
        "clusterName": instance.cluster,
        "weight": instance.weight,
        "healthy": instance.healthy,
        "instanceId": instance.instance_id,
        "metadata": dict(instance.metadata),
    }


def _service(service: Service) -> dict[str, object]:
    group, _, name = service.name.partition("@@")
    return {
        "name": name,
        "namespaceId": service.namespace,
        "protectThreshold": service.protect_threshold,
        "metadata": dict(service.metadata),
        "selector": {"type": "none"},
        "groupName": group,
        "clusters": [cluster_body(service.checks_of(name)) for name in service.clusters],
    }
