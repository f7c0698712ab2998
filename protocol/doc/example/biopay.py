"""A Biopay client over aioquic, written from the specification in ../wire.md and nothing else of ours.

    pip install aioquic

    async with connect("127.0.0.1", 4433, "server.pem") as client:
        await client.log_in("ada", "a long password")
        page = await client.ask("BeginPayment", merchant="shop", amount=100, currency="EUR", idempotency_key="k1")
        print(await client.ask("PresentQr", payment=page["payment"], payload=qr_payload))

Every response is a dictionary with the response's name under "is"; a refusal has its own name there.
"""

import contextlib
import ssl
import struct

from aioquic import tls
from aioquic.asyncio import QuicConnectionProtocol, connect as quic_connect
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

ALPN = "biopay/3"
LENGTH_BYTES = 4
CHANNEL_BYTES = 32
CHANNEL_LABEL = b"EXPORTER-Channel-Binding"

# --- Encoding (wire.md, section 3) ------------------------------------------------------------------------------------


def number(value):
    """Unsigned integers of more than one byte: seven bits a byte, the lowest first, the top bit set on all but the last."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value):
    value = value.encode() if isinstance(value, str) else bytes(value)
    return number(len(value)) + value


def fixed(length):
    def write(value):
        assert len(value) == length, f"{length} bytes are needed"
        return bytes(value)

    return write


def many(write):
    return lambda values: number(len(values)) + b"".join(map(write, values))


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        if self.at + length > len(self.data):
            raise ValueError("the message ends early")
        self.at += length
        return self.data[self.at - length : self.at]

    def byte(self):
        return self.take(1)[0]

    def number(self):
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def bytes(self):
        return self.take(self.number())

    def text(self):
        return self.bytes().decode()

    @staticmethod
    def list_of(read):
        return lambda reader: [read(reader) for _ in range(reader.number())]

    @property
    def is_at_end(self):
        return self.at == len(self.data)


# --- Messages (wire.md, sections 4 to 6) ------------------------------------------------------------------------------
# A field whose name begins with a digit and a space is optional, and has that number.

SIGNATURE, DEVICES = fixed(64), many(fixed(32))
NAME = {"login": text, "password": text}
BINDING = {"enrolment": text, "bank_account": text, "pin": text, "1 helper": text, "2 devices": DEVICES}
PAGE = {"payment": number}


def order(value):
    name, expires_ms, signature = value
    return text(name) + number(expires_ms) + SIGNATURE(signature)


MONEY = {"amount": number, "currency": text, "idempotency_key": text}
REQUESTS = [
    ("Register", {**NAME, **BINDING}),
    ("RegisterCredentials", NAME),
    ("BindAccount", BINDING),
    ("Login", {**NAME, "channel": fixed(CHANNEL_BYTES)}),
    ("Logout", {}),
    ("ReplaceQr", {"enrolment": text, "1 helper": text, "2 signature": SIGNATURE}),
    ("RevokeQr", {}),
    ("FetchHelper", {}),
    ("BeginPayment", {"merchant": text, "amount": number, "currency": text, "idempotency_key": text, "1 order": order}),
    ("PresentQr", {**PAGE, "payload": text, "1 nonce": number, "2 signature": SIGNATURE}),
    ("SubmitCode", {**PAGE, "code": text}),
    ("ResendCode", PAGE),
    ("PaymentStatus", PAGE),
    ("CancelPayment", PAGE),
    ("Health", {}),
    ("Metrics", {}),
    ("OpaqueRegisterStart", {"login": text, "message": text}),
    ("OpaqueRegisterFinish", {"login": text, "message": text}),
    ("OpaqueLoginStart", {"login": text, "message": text}),
    ("OpaqueLoginFinish", {"message": text}),
    ("PresentImage", {**PAGE, "image": text}),
    ("StepUp", {"1 payload": text, "2 signature": SIGNATURE, "3 bank_account": text, "4 pin": text}),
    ("ChangePassword", {"password": text}),
    ("AddDevice", {"device": fixed(32), "signature": SIGNATURE}),
    ("RevokeDevice", {"device": fixed(32)}),
    ("ListDevices", {}),
    ("ListSessions", {}),
    ("EndSessions", {"1 session": number}),
    ("RevokeMandate", {}),
    ("CloseAccount", {}),
    (
        "Recover",
        {
            **NAME,
            "channel": fixed(CHANNEL_BYTES),
            "bank_account": text,
            "pin": text,
            "payload": text,
            "1 signature": SIGNATURE,
        },
    ),
    ("Refund", {"merchant": text, "reference": text, **MONEY, "signature": SIGNATURE}),
]


def read_session(reader):
    return {"session": reader.number(), "age_ms": reader.number(), "is_here": bool(reader.byte())}


READ_PAGE = {"payment": Reader.number}
RESPONSES = [
    ("Registered", {}),
    ("CredentialsRegistered", {}),
    ("AccountBound", {}),
    ("LoggedIn", {"account": Reader.number}),
    ("LoggedOut", {}),
    ("QrReplaced", {}),
    ("QrRevoked", {}),
    ("Helper", {"1 helper": Reader.bytes}),
    ("PaymentOpened", {**READ_PAGE, "qr_tries": Reader.byte}),
    ("CodeIssued", {**READ_PAGE, "shown": Reader.text, "valid_for_ms": Reader.number}),
    (
        "Charged",
        {
            **READ_PAGE,
            "reference": Reader.text,
            "approval": Reader.text,
            "amount": Reader.number,
            "currency": Reader.text,
        },
    ),
    ("Reversed", READ_PAGE),
    ("Healthy", {}),
    ("Metrics", {"json": Reader.text}),
    ("Refused", None),
    ("OpaqueRegistration", {"message": Reader.bytes}),
    ("OpaqueChallenge", {"message": Reader.bytes}),
    ("SteppedUp", {"valid_for_ms": Reader.number}),
    ("PasswordChanged", {}),
    ("DeviceAdded", {}),
    ("DeviceRevoked", {}),
    ("Devices", {"devices": Reader.list_of(lambda reader: reader.take(32))}),
    ("Sessions", {"sessions": Reader.list_of(read_session)}),
    ("SessionsEnded", {"sessions": Reader.number}),
    ("MandateRevoked", {}),
    ("AccountClosed", {}),
    ("Recovered", {}),
    ("Refunded", {"reference": Reader.text, "amount": Reader.number, "currency": Reader.text}),
]
TRIES = {"tries_left": Reader.byte}
REFUSALS = [
    ("WrongCredentials", {}),
    ("LoginTaken", {}),
    ("NotLoggedIn", {}),
    ("NotBound", {}),
    ("AlreadyBound", {}),
    ("QrMismatch", TRIES),
    ("PaymentPageLeft", {}),
    ("UnreadableQr", {}),
    ("NoSuchPayment", {}),
    ("WrongStep", {}),
    ("WrongCode", TRIES),
    ("CodeExhausted", {}),
    ("CodeExpired", {}),
    ("ResendLimit", {}),
    ("InsufficientFunds", {}),
    ("BankCredentials", {}),
    ("NoSuchBankAccount", {}),
    ("Declined", {"code": Reader.text}),
    ("BankUnreachable", {}),
    ("UnknownOutcome", READ_PAGE),
    ("InProgress", READ_PAGE),
    ("IdempotencyConflict", {}),
    ("Throttled", {"retry_after_ms": Reader.number}),
    ("Overloaded", {}),
    ("Malformed", {}),
    ("ShuttingDown", {}),
    ("Internal", {}),
    ("WrongChannel", {}),
    ("UnreadableImage", TRIES),
    ("DeviceRequired", {}),
    ("UnsuitableName", {}),
    ("WeakPassword", {}),
    ("StepUpRequired", {}),
    ("StepUpRefused", {}),
    ("TooManyDevices", {}),
    ("NoSuchDevice", {}),
    ("NoSuchSession", {}),
    ("PaymentsOpen", {}),
    ("MerchantSignature", {}),
    ("OrderExpired", {}),
    ("OrderTaken", {}),
    ("RefundTooLarge", {}),
]
NUMBERS = {name: (index, fields) for index, (name, fields) in enumerate(REQUESTS)}


def is_optional(field):
    return field[0].isdigit()


def encode(name, **values):
    """Writes a request without its length. An optional field that is not named, or None, is absent."""
    index, fields = NUMBERS[name]
    required = [field for field in fields if not is_optional(field)]
    optional = [field for field in fields if is_optional(field)]
    known = set(required) | {field.split()[1] for field in optional}
    assert set(required) <= set(values) <= known, f"{name} needs {required} and may have {optional}"
    out = number(index) + b"".join(fields[field](values[field]) for field in required)
    for field in optional:
        place, short = field.split()
        if values.get(short) is not None:
            out += number(int(place)) + text(fields[field](values[short]))
    return out


def traced(body, traceparent):
    """Adds the trace that a request belongs to, as the header of W3C Trace Context writes it."""
    _, trace, parent, flags = traceparent.split("-")
    return body + number(100) + text(bytes.fromhex(trace + parent + flags))


def frame(body):
    return struct.pack(">I", len(body)) + body


def decode(body):
    """Reads a response. Optional fields that are absent are None, and unknown ones are skipped."""
    reader = Reader(body)
    name, fields = RESPONSES[reader.number()]
    if name == "Refused":
        name, fields = REFUSALS[reader.number()]
    answer = {"is": name}
    answer |= {field: read(reader) for field, read in fields.items() if not is_optional(field)}
    optional = {int(field.split()[0]): (field.split()[1], read) for field, read in fields.items() if is_optional(field)}
    answer |= {short: None for short, _ in optional.values()}
    last = 0
    while not reader.is_at_end:
        place, value = reader.number(), Reader(reader.bytes())
        if place <= last:
            raise ValueError("an optional field is out of order")
        if place in optional:
            short, read = optional[place]
            answer[short] = read(value)
        last = place
    return answer


# --- The connection's name (wire.md, section 2; RFC 8446, 7.5; RFC 9266) ----------------------------------------------
# aioquic exports no keying material. The secret that exports are made from exists at the moment when the application's
# keys are set up: it is kept then.

_set_up_keys = tls.Context._setup_traffic_protection


def _set_up_keys_and_keep_exporter(self, direction, epoch, label):
    if label == b"s ap traffic":
        self.exporter_secret = self.key_schedule.derive_secret(b"exp master")
        self.exporter_hash = self.key_schedule.algorithm
    return _set_up_keys(self, direction, epoch, label)


tls.Context._setup_traffic_protection = _set_up_keys_and_keep_exporter


def _expand_label(algorithm, secret, label, context, length):
    label = b"tls13 " + label
    info = struct.pack(">HB", length, len(label)) + label + bytes([len(context)]) + context
    return HKDFExpand(algorithm=algorithm, length=length, info=info).derive(secret)


def _hash(algorithm, data):
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def channel_binding(quic):
    """Exports the 32 bytes that both ends of a connection know and nobody between them does."""
    algorithm, nothing = quic.tls.exporter_hash, _hash(quic.tls.exporter_hash, b"")
    secret = _expand_label(algorithm, quic.tls.exporter_secret, CHANNEL_LABEL, nothing, algorithm.digest_size)
    return _expand_label(algorithm, secret, b"exporter", nothing, CHANNEL_BYTES)


# --- Requests on a connection (wire.md, section 2) --------------------------------------------------------------------


class Client(QuicConnectionProtocol):
    closed = None

    def quic_event_received(self, event):
        if isinstance(event, ConnectionTerminated):
            self.closed = (event.error_code, event.reason_phrase)
        super().quic_event_received(event)

    async def exchange(self, data):
        """Sends bytes on a stream of their own, ends it, and returns the response."""
        reader, writer = await self.create_stream()
        writer.write(data)
        writer.write_eof()
        answer = await reader.read()
        if len(answer) < LENGTH_BYTES or struct.unpack(">I", answer[:LENGTH_BYTES])[0] != len(answer) - LENGTH_BYTES:
            raise ConnectionError("the stream ended without a response")
        return decode(answer[LENGTH_BYTES:])

    async def ask(self, name, traceparent=None, **values):
        body = encode(name, **values)
        return await self.exchange(frame(traced(body, traceparent) if traceparent else body))

    async def log_in(self, login, password):
        return await self.ask("Login", login=login, password=password, channel=channel_binding(self._quic))


@contextlib.asynccontextmanager
async def connect(host, port, trusted, name="localhost", versions=(ALPN,)):
    """Connects to a server whose certificate stands in the PEM file `trusted`."""
    configuration = QuicConfiguration(is_client=True, alpn_protocols=list(versions), server_name=name)
    configuration.verify_mode = ssl.CERT_REQUIRED
    configuration.load_verify_locations(trusted)
    async with quic_connect(host, port, configuration=configuration, create_protocol=Client) as client:
        yield client
