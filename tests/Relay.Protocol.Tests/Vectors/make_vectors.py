#!/usr/bin/env python3
"""Makes the test vectors of the signatures and of the canonical JSON, and the golden webhook frames.

It shares no code with the relay: Python 3's standard library only, and openssl, where it is installed, as a third opinion on
every signature. Run it after a change of the protocol, read the difference, commit both:

    python3 tests/Relay.Protocol.Tests/Vectors/make_vectors.py

Every vector's "body" is base64, so that any bytes can stand there. "canonical_text" is base64 too, or null where the body is not
JSON. "implementation_limit" marks what the protocol leaves open and the relay decided.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent / "Golden"
MAX_DEPTH = 512

# Keys for tests, and for nothing else.
API_KEY = "sk_TEST-ONLY-not-a-real-key-AAAAAAAAAAAAAAAAAA_00000000000000000000000000000000"
OTHER_API_KEY = "sk_TEST-ONLY-another-unreal-key-BBBBBBBBBBBBBB_11111111111111111111111111111111"
SECRET = "whsec_" + base64.b64encode(b"TEST ONLY signing secret 0000000").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"TEST ONLY signing secret, retired").decode()
EVENT_ID = "evt_0190a1b2c3d40000feedfacecafebeef"
TIMESTAMP_MS = 1767225600123


class NotJson(Exception):
    pass


STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
SPACE = re.compile(rb"[ \t\n\r]*")
SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
UNESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def canonical_string(token):
    """The canonical text of one string token, quotes included."""
    units = []
    text = token[1:-1].decode("utf-8")
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\\" and text[position + 1] == "u":
            units.append(chr(int(text[position + 2:position + 6], 16)))
            position += 6
        elif char == "\\":
            units.append(UNESCAPED.get(text[position + 1], text[position + 1]))
            position += 2
        elif ord(char) > 0xFFFF:
            offset = ord(char) - 0x10000
            units += [chr(0xD800 + (offset >> 10)), chr(0xDC00 + (offset & 0x3FF))]
            position += 1
        else:
            units.append(char)
            position += 1
    escaped = (SHORT.get(u) or (u if " " <= u <= "~" else "\\u%04x" % ord(u)) for u in units)
    return b'"' + "".join(escaped).encode("ascii") + b'"'


def canonical(body, max_depth=MAX_DEPTH):
    """The canonical text of a body, token by token; NotJson when it is none."""
    try:
        body.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise NotJson("not UTF-8")
    position = 0
    out = []

    def skip_space():
        nonlocal position
        position = SPACE.match(body, position).end()

    def peek():
        return body[position:position + 1]

    def take(expected):
        nonlocal position
        if peek() != expected:
            raise NotJson(f"expected {expected!r} at {position}")
        out.append(expected)
        position += 1
        skip_space()

    def string():
        nonlocal position
        match = STRING.match(body, position)
        if not match:
            raise NotJson(f"no string at {position}")
        out.append(canonical_string(match.group()))
        position = match.end()
        skip_space()

    def scalar():
        nonlocal position
        for literal in (b"null", b"true", b"false"):
            if body.startswith(literal, position):
                out.append(literal)
                position += len(literal)
                break
        else:
            match = NUMBER.match(body, position)
            if not match:
                raise NotJson(f"no value at {position}")
            out.append(match.group())
            position = match.end()
        skip_space()

    def value(depth):
        opening = peek()
        if opening == b'"':
            return string()
        if opening not in (b"{", b"["):
            return scalar()
        if depth == max_depth:
            raise NotJson("too deep")
        closing = b"}" if opening == b"{" else b"]"
        take(opening)
        while peek() != closing:
            if opening == b"{":
                string()
                take(b":")
            value(depth + 1)
            if peek() == closing:
                break
            take(b",")
            if peek() == closing:
                raise NotJson("trailing comma")
        take(closing)

    skip_space()
    value(0)
    if position != len(body):
        raise NotJson(f"more after the value at {position}")
    return b"".join(out)


def canonical_or_none(body):
    try:
        return canonical(body)
    except NotJson:
        return None


def refuse(constant):
    raise ValueError(constant)


def check_against_python(name, body, text):
    """Python's own json must agree: on what is JSON, on the value, and, where no number changes its text, on the bytes."""
    try:
        loaded = json.loads(body.decode("utf-8"), parse_constant=refuse)
    except ValueError:
        assert text is None, f"{name}: Python says that it is not JSON"
        return
    if text is None:
        assert "deeper" in name, f"{name}: Python says that it is JSON"
        return
    kept = dict(object_pairs_hook=list, parse_float=str, parse_int=str)
    assert json.loads(body.decode("utf-8"), **kept) == json.loads(text, **kept), f"{name}: the value changed"
    assert canonical(text) == text, f"{name}: not idempotent"
    if not any(word in name for word in ("number", "duplicate")):
        assert json.dumps(loaded, separators=(",", ":")).encode() == text, f"{name}: json.dumps prints another text"


def mac(key, content):
    digest = hmac.new(key, content, hashlib.sha256).digest()
    if shutil.which("openssl"):
        command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:" + key.hex(), "-binary"]
        assert subprocess.run(command, input=content, capture_output=True, check=True).stdout == digest, "openssl differs"
    return digest


def relay_signature(api_key, timestamp_ms, content):
    return "sha256=" + mac(api_key.encode(), b"%d." % timestamp_ms + content).hex()


def standard_signature(secret, event_id, timestamp_ms, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{event_id}.{timestamp_ms // 1000}.".encode() + body
    return "v1," + base64.b64encode(mac(key, content)).decode()


def nested(depth, opening=b"[", closing=b"]"):
    return opening * depth + closing * depth


BODIES = {
    # name: body. Names with "number" or "duplicate" are where json.dumps would print another text.
    "simple object": b'{"event":"ping","ok":true,"n":3,"none":null}',
    "empty object": b"{}",
    "empty array": b"[]",
    "empty string as key and value": b'{"":""}',
    "nested": b'{"a":{"b":[1,[2,[3,{"c":[]}]]]},"d":[{},[],"",0,false]}',
    "key order is kept": b'{"z":1,"a":2,"m":3}',
    "space everywhere": b' \t\r\n{ "a" : [ 1 , 2 ,\n\t{ } , [ ] ] ,\r\n "b" : "x  y" } \n',
    "space inside strings stays": b'{"a b":" c  d "}',
    "structure characters inside strings": b'{"a{":"}[]:,","\\"q\\"":"\\\\"}',
    "raw two-byte and three-byte characters": '{"name":"Zoë","city":"東京","€":"ß"}'.encode(),
    "escaped characters in upper-case hex": b'{"name":"Zo\\u00EB","\\u6771\\u4EAC":"\\u20AC"}',
    "escaped printable ASCII": b'{"\\u0061":"\\u0041\\u005a\\u0020\\u007e\\u002f"}',
    "escaped quote and backslash as \\u": b'"\\u0022\\u005C\\u005c"',
    "escaped controls as \\u": b'"\\u0008\\u0009\\u000A\\u000a\\u000c\\u000D\\u000b\\u0000\\u001F"',
    "short escapes": b'"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    "slash escaped": b'{"url":"https:\\/\\/example.test\\/a"}',
    "slash plain": b'{"url":"https://example.test/a"}',
    "DEL raw": b'"\x7f"',
    "DEL escaped": b'"\\u007F"',
    "C1 controls and no-break space raw": '"\u0080\u009f\u00a0"'.encode(),
    "line and paragraph separator raw": '"\u2028\u2029"'.encode(),
    "BOM character inside a string": '"\ufeff"'.encode(),
    "noncharacters and the last of the BMP": '"\ufffe\uffff\ufffd"'.encode(),
    "astral characters raw": '{"emoji":"😀 𝄞","last":"\U0010ffff"}'.encode(),
    "astral character escaped": b'"\\uD83D\\uDE00\\ud834\\udd1e"',
    "astral raw and escaped mixed": '"😀\\uD83D\\uDE00"'.encode(),
    "lone high surrogate escaped": b'"\\uD800"',
    "lone low surrogate escaped": b'"\\uDFFF"',
    "surrogates the wrong way round": b'"\\uDE00\\uD83D"',
    "lone surrogate in a key": b'{"\\ud83d":1}',
    "combining characters are not composed": '"e\u0301 é"'.encode(),
    "html characters are not escaped": b'"<a href=\'x\'>&amp;</a>+`"',
    "duplicate keys stay": b'{"a":1,"a":2,"b":{"a":3,"a":3}}',
    "duplicate keys by escape": b'{"a":1,"\\u0061":2}',
    "number with exponent": b'[1E5,1e5,1E+5,1e-5,1.5E300]',
    "number with zero fraction": b'[1.0,1.00,0.0,10.10]',
    "number negative zero": b'[-0,-0.0,-0e0]',
    "number big": b'[123456789012345678901234567890,9007199254740993,18446744073709551616]',
    "number beyond double": b'[1e400,-1e400,1e-400]',
    "number with many digits": b'[0.1000000000000000055511151231257827,3.141592653589793238462643383279]',
    "integers": b'[0,1,-1,9223372036854775807,-9223372036854775808]',
    "top-level null": b"null",
    "top-level null in space": b" null ",
    "top-level true": b"true",
    "top-level false": b"false\n",
    "top-level string": b'"x"',
    "top-level string in space": b'\t"x"\r\n',
    "top-level integer": b"1",
    "top-level number": b"-12.50",
    "top-level empty string": b'""',
    "array of scalars": b'[null,true,false,"",0]',
    "deep arrays 512": nested(512),
    "deep objects 512": b'{"a":' * 511 + b"{}" + b"}" * 511,
    # Not JSON.
    "empty body": b"",
    "only space": b" \n\t ",
    "NUL byte": b"\x00",
    "deeper arrays 513": nested(513),
    "deeper objects 513": b'{"a":' * 512 + b"{}" + b"}" * 512,
    "BOM before an object": b'\xef\xbb\xbf{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "invalid UTF-8 byte": b'{"a":"\xff"}',
    "invalid UTF-8 latin-1": '{"name":"Zoë"}'.encode("latin-1"),
    "invalid UTF-8 overlong": b'"\xc0\xaf"',
    "invalid UTF-8 encoded surrogate": b'"\xed\xa0\x80"',
    "invalid UTF-8 truncated": b'"\xe2\x82"',
    "invalid UTF-8 beyond the last code point": b'"\xf4\x90\x80\x80"',
    "form-encoded": b"token=abc&text=hello+world&x=%7B%22a%22%3A1%7D",
    "xml": b'<?xml version="1.0"?><event id="1"/>',
    "binary 0 to 255": bytes(range(256)),
    "truncated object": b'{"a":1',
    "truncated string": b'{"a":"b',
    "truncated escape": b'"\\u12"',
    "truncated literal": b"tru",
    "trailing comma in array": b"[1,]",
    "trailing comma in object": b'{"a":1,}',
    "leading comma": b"[,1]",
    "line comment": b'{"a":1}//x',
    "block comment": b'/* x */{"a":1}',
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity,-Infinity]",
    "undefined": b"undefined",
    "literal in capitals": b"True",
    "single quotes": b"{'a':1}",
    "key without quotes": b"{a:1}",
    "number with leading zero": b"[01]",
    "number with plus": b"[+1]",
    "number that ends in a point": b"[1.]",
    "number that begins with a point": b"[.5]",
    "number without exponent digits": b"[1e]",
    "number hexadecimal": b"[0x10]",
    "number a lone minus": b"-",
    "number in other digits": "[١]".encode(),
    "raw newline in a string": b'"a\nb"',
    "raw tab in a string": b'"a\tb"',
    "raw NUL in a string": b'"a\x00b"',
    "unknown escape": b'"\\x41"',
    "escape in capitals": b'"\\U0041"',
    "two values": b"{}{}",
    "two values in lines": b'{"a":1}\n{"a":2}\n',
    "closing too many": b"[]]",
    "closing of another kind": b"[}",
    "missing colon": b'{"a" 1}',
    "missing comma": b"[1 2]",
    "vertical tab as space": b"\x0b[]",
    "no-break space as space": "\u00a0[]".encode(),
}

# Other keys, ids and times: name, api key, secrets (the newest first), id, timestamp in ms, body.
VARIATIONS = [
    ("another api key", OTHER_API_KEY, [SECRET], EVENT_ID, TIMESTAMP_MS, b'{"a":1}'),
    ("another signing secret", API_KEY, [OLD_SECRET], EVENT_ID, TIMESTAMP_MS, b'{"a":1}'),
    ("two signing secrets during a rotation", API_KEY, [SECRET, OLD_SECRET], EVENT_ID, TIMESTAMP_MS, b'{"a":1}'),
    ("another id", API_KEY, [SECRET], "evt_ffffffffffffffffffffffffffffffff", TIMESTAMP_MS, b'{"a":1}'),
    ("the last ms of a second", API_KEY, [SECRET], EVENT_ID, 1767225600999, b'{"a":1}'),
    ("the first ms of a second", API_KEY, [SECRET], EVENT_ID, 1767225601000, b'{"a":1}'),
    ("the epoch", API_KEY, [SECRET], EVENT_ID, 0, b'{"a":1}'),
    ("a time far off", API_KEY, [SECRET], EVENT_ID, 253402300799999, b'{"a":1}'),
]


def b64(data):
    return None if data is None else base64.b64encode(data).decode()


def canonical_vector(name, body):
    text = canonical_or_none(body)
    check_against_python(name, body, text)
    vector = {"name": name, "body": b64(body), "canonical_text": b64(text)}
    return vector | ({"implementation_limit": True} if name.startswith("deep") else {})


def signature_vector(name, api_key, secrets, event_id, timestamp_ms, body):
    text = canonical_or_none(body)
    payload = b"null" if text is None else text
    old = {"old_signing_secret": secrets[1]} if len(secrets) > 1 else {}
    return {
        "name": name,
        "api_key": api_key,
        "signing_secret": secrets[0],
        **old,
        "id": event_id,
        "timestamp_ms": timestamp_ms,
        "body": b64(body),
        "canonical_text": b64(text),
        "signature": relay_signature(api_key, timestamp_ms, body if text is None else text),
        "standard_signature": " ".join(standard_signature(s, event_id, timestamp_ms, body) for s in secrets),
        "frame": {"payload": payload.decode(), "has_body": body != payload},
        **({"implementation_limit": True} if name.startswith("deep") else {}),
    }


def webhook_frame(timestamp_ms, attempt, head, body, secrets):
    """A whole frame, put together by hand in the order in which the relay writes it."""
    vector = signature_vector("", API_KEY, secrets, EVENT_ID, timestamp_ms, body)
    frame = '{"type":"webhook","id":"%s","timestamp":%d,"signature":"%s","payload":%s,"attempt":%d,%s' % (
        EVENT_ID, timestamp_ms, vector["signature"], vector["frame"]["payload"], attempt, head[1:-1])
    if vector["frame"]["has_body"]:
        frame += ',"body":"%s"' % b64(body)
    return (frame + ',"standard_signature":"%s","received_at":1767225600000}' % vector["standard_signature"]).encode("ascii")


GITHUB = '{"method":"POST","path":"/","query":"","headers":{"content-type":"application/json","x-github-event":"push"},' \
    '"source":{"type":"github","verified":true}}'
FORM = '{"method":"PUT","path":"/slack/actions","query":"team=T1&x=%20",' \
    '"headers":{"content-type":"application/x-www-form-urlencoded"}}'
GOLDEN_WEBHOOKS = {
    "webhook-json": (TIMESTAMP_MS, 1, GITHUB, b'{"ref":"refs/heads/main","commits":[{"id":"c0ffee","n":1.0}]}', [SECRET]),
    "webhook-not-json": (TIMESTAMP_MS, 2, FORM, b"payload=%7B%7D&a=\xff", [SECRET]),
    "webhook-json-and-body": (TIMESTAMP_MS, 6, GITHUB, '{ "name": "Zoë",\n  "url": "a\\/b" }\n'.encode(), [SECRET, OLD_SECRET]),
}


def write(path, data):
    path.write_bytes(data)
    print(f"{path.relative_to(HERE.parent)}: {len(data)} bytes")


def write_vectors(name, about, vectors):
    text = json.dumps({"about": about, "vectors": vectors}, indent=1, ensure_ascii=True)
    write(HERE / name, text.encode() + b"\n")


def main():
    sys.setrecursionlimit(10_000)
    write_vectors(
        "canonical-json.json",
        "body and canonical_text are base64; canonical_text is null where the body is not JSON.",
        [canonical_vector(name, body) for name, body in BODIES.items()])
    write_vectors(
        "signatures.json",
        "Keys are for tests only. body and canonical_text are base64. signature is over canonical_text, or over body where that is "
        "null; standard_signature is over body. frame is what the webhook frame holds.",
        [signature_vector(name, API_KEY, [SECRET], EVENT_ID, TIMESTAMP_MS, body) for name, body in BODIES.items()]
        + [signature_vector(*variation) for variation in VARIATIONS])
    for name, frame in GOLDEN_WEBHOOKS.items():
        write(GOLDEN / f"{name}.json", webhook_frame(*frame))


if __name__ == "__main__":
    main()
