"""Requests to a node as hypothesis draws them: every route, plausible values beside nonsense, broken bodies.

Beside `requests` there is `ALLOWED`: the statuses that any request may be answered with.
"""

import json

from hypothesis import strategies as st

from nodecore.web.routes import ROUTES

TWO_MIB = b"x" * (2 * 1024 * 1024)

paths = st.sampled_from([path for _, path, _ in ROUTES]) | st.sampled_from(["/", "/nacos", "/nacos/v1/ns/ü"])
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
names = st.sampled_from(
    [
        *["serviceName", "groupName", "namespaceId", "clusterName", "cluster", "clusters", "ip", "port"],
        *["weight", "enabled", "healthy", "ephemeral", "metadata", "beat", "protectThreshold", "keyword"],
        *["source", "id", "healthyOnly", "isCheck", "app", "selector", "instances", "consistencyType"],
        *["entry", "value", "key", "pageNo", "pageSize", "expr", "instance", "withInstances"],
        *["healthChecker", "checkPort", "useInstancePort4Check", "consistency", "debug"],
        *["udpPort", "clientIP", "serviceNameParam", "groupNameParam", "hasIpCount", "responsibleOnly"],
    ]
)
plausible = st.sampled_from(
    [
        *["a", "DEFAULT_GROUP@@a", "@@", "10.0.0.1", "1.2.3", "80", "-1", "9" * 20, "1e999", "nan", "٣"],
        *[
            "true",
            "False",
            "{}",
            '{"ip":"10.0.0.1","port":80}',
            '{"a":"\\ud800"}',
            "k=v,k=v",
            "k",
            "None",
            "a,b",
        ],
        *["public##DEFAULT_GROUP@@a", "##", "1", '[{"ip":"10.0.0.1","port":80}]', "[1]", '{"type":"x"}'],
        *["batch", "pushVersion", "java:1.2.3", "limitedUrlMap", "/a:502", "overriddenServerStatus"],
        *['{"type":"HTTP","path":"/x","headers":"a:b"}', "MYSQL", "NONE", "stale", "127.0.0.1:80", "persist"],
        *["clientBeatInterval", "distroThreshold", "check", "READ_ONLY", "null", '{"pushEnabled":false}'],
    ]
)
values = plausible | st.text(max_size=20)
pairs = st.dictionaries(names, values, max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["keys", "value", "instanceList", "ip", "port", "address", "state", "k##g@@s"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
bad_utf8 = st.sampled_from([b"serviceName=%ff", b"serviceName=\xff\xfe", b"ip=%c3%28&port=%80", b"%=%%&=&&"])
queries = pairs | bad_utf8 | st.binary(max_size=40)
bodies = (
    st.binary(max_size=100)
    | bad_utf8
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.just(TWO_MIB)
)
content_types = st.sampled_from(
    [
        "application/x-www-form-urlencoded",
        "application/json;charset=UTF-8",
        "text/plain",
        "",
        "multipart/form-data",
    ]
)
agents = st.sampled_from(["", "curl/8", "Nacos-Java-Client:v1.4.2", "Nacos-Server:1.4.2"])
requests = st.tuples(methods, paths, queries, bodies, content_types, agents)

ALLOWED = {200, 400, 403, 404, 405, 409, 413, 501, 503}
"""503: another request has turned overriddenServerStatus. 409: a reset that something could undo."""
