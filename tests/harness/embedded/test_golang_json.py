"""JSON as Go reads and writes it: against Python's where they agree, by its own words where they do not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.links.embedded.golang_json import Field, read, write
from harness.links.embedded.golang_scan import BadJson, Number, Object, parse

FIELDS = (
    Field("name", "Proxy.name", "string"),
    Field("enabled", "Proxy.enabled", "bool"),
    Field("size", "Proxy.size", "int64"),
    Field("chance", "Proxy.chance", "float32"),
    Field("inner", "Proxy.inner", "toxics.Noop"),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def problem_of(text: bytes) -> str | None:
    """Return what is wrong with a text, if anything is."""
    try:
        parse(text)
    except BadJson as problem:
        return str(problem)
    return None


def plain(value: object) -> object:
    """What was scanned, as Python would have it."""
    match value:
        case Number():
            return int(value)
        case Object():
            return {key: plain(member) for key, member in value}
        case list():
            return [plain(member) for member in value]
        case _:
            return value


@settings(deadline=None)
@given(values, st.sampled_from([None, 2]), st.booleans())
def test_what_python_writes_is_read_as_it_was(value: object, indent: int | None, plain_text: bool) -> None:
    """Escaped or not, indented or not, and whatever follows."""
    text = json.dumps(value, indent=indent, ensure_ascii=plain_text)
    assert plain(parse(text.encode() + b" and more")) == value


@settings(deadline=None)
@given(values)
def test_what_is_written_python_reads_as_it_was(value: object) -> None:
    """The escapes of Go are JSON, too."""
    assert json.loads(write(value)) == value


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]",:\\u0019.eE+-truefalsn \n', max_size=60).map(str.encode))
def test_any_bytes_are_a_value_or_bad_json(text: bytes) -> None:
    """Never anything else."""
    assert problem_of(text) != ""


def test_depth_costs_no_stack() -> None:
    """Ten thousand levels are read, one more is refused."""
    assert parse(b"[" * 10_000 + b"]" * 10_000) is not None
    with pytest.raises(BadJson, match=r"invalid character '\[' exceeded max depth"):
        parse(b"[" * 10_001)
    with pytest.raises(BadJson, match="unexpected EOF"):
        parse(b'{"a":' * 9_999)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "EOF"),
        (b" \n", "EOF"),
        (b"{", "unexpected EOF"),
        (b"nul", "unexpected EOF"),
        (b'"abc', "unexpected EOF"),
        (b"-", "unexpected EOF"),
        (b"x", "invalid character 'x' looking for beginning of value"),
        (b"'", r"invalid character '\'' looking for beginning of value"),
        (b"\xff", "invalid character 'ÿ' looking for beginning of value"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b"[tru]", "invalid character ']' in literal true (expecting 'e')"),
        (b"[-]", "invalid character ']' in numeric literal"),
        (b"[1.]", "invalid character ']' after decimal point in numeric literal"),
        (b"[1e+]", "invalid character ']' in exponent of numeric literal"),
        (b'"\n"', r"invalid character '\n' in string literal"),
        (b'"\x01"', r"invalid character '\x01' in string literal"),
        (b'"\\x"', "invalid character 'x' in string escape code"),
        (b'"\\u12g4"', r"invalid character 'g' in \u hexadecimal character escape"),
    ],
)
def test_what_is_no_json_is_said_in_gos_words(text: bytes, message: str) -> None:
    """Each of these was asked of the real server."""
    with pytest.raises(BadJson) as caught:
        parse(text)
    assert str(caught.value) == message


def test_keys_match_in_any_case_and_null_is_passed_over() -> None:
    """And unknown keys, whatever they hold."""
    body = b'{"NAME": "p", "Enabled": null, "x": [1, {"name": 5}], "sIzE": 7}'
    assert read(parse(body), FIELDS, "toxiproxy.Proxy") == {"name": "p", "size": 7}
    assert read(parse(b"null"), FIELDS, "toxiproxy.Proxy") == {}


def test_of_a_repeated_key_the_last_counts_but_objects_merge() -> None:
    """As Go decodes into what is there."""
    found = read(parse(b'{"size": 1, "SIZE": 2, "inner": {"a": 1}, "inner": {"b": 2}}'), FIELDS, "P")
    assert found == {"size": 2, "inner": [("a", "1"), ("b", "2")]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "cannot unmarshal array into Go value of type toxiproxy.Proxy"),
        (b'{"name": 5}', "cannot unmarshal number into Go struct field Proxy.name of type string"),
        (b'{"enabled": "x"}', "cannot unmarshal string into Go struct field Proxy.enabled of type bool"),
        (b'{"size": 1.0}', "cannot unmarshal number 1.0 into Go struct field Proxy.size of type int64"),
        (b'{"size": 1e2}', "cannot unmarshal number 1e2 into Go struct field Proxy.size of type int64"),
        (b'{"size": 9223372036854775808}', "cannot unmarshal number 9223372036854775808 into Go struct"),
        (b'{"size": true}', "cannot unmarshal bool into Go struct field Proxy.size of type int64"),
        (
            b'{"chance": 1e40}',
            "cannot unmarshal number 1e40 into Go struct field Proxy.chance of type float32",
        ),
        (b'{"inner": []}', "cannot unmarshal array into Go struct field Proxy.inner of type toxics.Noop"),
    ],
)
def test_a_member_of_a_wrong_type_is_named(body: bytes, message: str) -> None:
    """The first of them, with its place and what was wanted."""
    with pytest.raises(BadJson) as caught:
        read(parse(body), FIELDS, "toxiproxy.Proxy")
    assert str(caught.value).startswith(f"json: {message}")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1.0", "1"),
        ("0.1", "0.1"),
        ("0.123456789", "0.12345679"),
        ("1e-7", "1e-7"),
        ("1e-5", "0.00001"),
        ("3e38", "3e+38"),
        ("1e20", "100000000000000000000"),
        ("-0.5", "-0.5"),
        ("16777217", "16777216"),
    ],
)
def test_toxicity_is_of_single_precision_and_written_as_go_writes_it(text: str, written: str) -> None:
    """In as few digits as tell it from its neighbours."""
    assert write(read(parse(b'{"chance": %s}' % text.encode()), FIELDS, "P")["chance"]) == written


def test_what_a_page_could_take_for_markup_is_escaped() -> None:
    """And half a surrogate pair is no text."""
    assert write(parse(b'"<&>\\u2028\\ud800"')) == '"\\u003c\\u0026\\u003e\\u2028\ufffd"'
