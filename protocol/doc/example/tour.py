"""Goes through everything that a client does, and prints what it saw as one JSON object.

    python tour.py tour.json

`tour.json` names the server and what its test prepared; server/tests/foreign.rs writes it and judges the result.
"""

import asyncio
import collections
import json
import socket
import sys

from biopay import channel_binding, connect, encode, frame, number, text
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Tour:
    def __init__(self, setting):
        self.setting, self.seen = setting, collections.Counter()

    def connect(self, versions=("biopay/3",)):
        return connect(self.setting["host"], self.setting["port"], self.setting["trusted"], versions=versions)

    def user(self, index):
        user = self.setting["users"][index]
        return {**user, "payload": bytes.fromhex(user["payload"])}

    def note(self, what, answer, *expected):
        """Counts an answer; one that was not expected is kept in full."""
        if answer["is"] in expected:
            self.seen[f"{what}: {answer['is']}"] += 1
        else:
            self.seen[f"UNEXPECTED {what}: {answer}"] += 1
        return answer

    async def ask(self, client, what, *expected, **values):
        return self.note(what, await client.ask(what, **values), *expected)

    async def pay(self, client, user, key, amount=1, payload=None):
        page = await client.ask(
            "BeginPayment", merchant="corner shop", amount=amount, currency="EUR", idempotency_key=key
        )
        if page["is"] != "PaymentOpened":
            return page
        return await client.ask("PresentQr", payment=page["payment"], payload=payload or user["payload"])

    async def log_in(self, client, user):
        self.note("Login", await client.log_in(user["login"], user["password"]), "LoggedIn")

    # --- the patent's ways

    async def in_one_message(self):
        user = self.user(0)
        async with self.connect() as client:
            binding = {"enrolment": user["payload"], "helper": b"public helper data"}
            account = {"bank_account": user["bank_account"], "pin": user["pin"]}
            names = {"login": user["login"], "password": user["password"]}
            await self.ask(client, "Register", "Registered", **names, **binding, **account)
            await self.ask(client, "Register", "LoginTaken", **names, **binding, **account)
            await self.log_in(client, user)
            self.note("pay", await self.pay(client, user, "one"), "Charged")
            # The same key again is the same charge, and another amount under it a conflict.
            self.note("pay again", await self.pay(client, user, "one"), "Charged")
            self.note("pay otherwise", await self.pay(client, user, "one", amount=2), "IdempotencyConflict")

    async def in_two_steps(self):
        user = self.user(1)
        async with self.connect() as client:
            names = {"login": user["login"], "password": user["password"]}
            await self.ask(client, "RegisterCredentials", "CredentialsRegistered", **names)
            await self.log_in(client, user)
            self.note("pay", await self.pay(client, user, "early"), "NotBound")
            binding = {"enrolment": user["payload"], "helper": None}
            account = {"bank_account": user["bank_account"], "pin": user["pin"]}
            await self.ask(client, "BindAccount", "AccountBound", **binding, **account)
            await self.ask(client, "BindAccount", "AlreadyBound", **binding, **account)
            self.note("pay", await self.pay(client, user, "two"), "Charged")

    async def on_a_second_device(self):
        user = self.user(0)
        async with self.connect() as client:
            await self.log_in(client, user)
            helper = await self.ask(client, "FetchHelper", "Helper")
            self.seen[f"helper is right: {helper.get('helper') == b'public helper data'}"] += 1
            self.note("pay", await self.pay(client, user, "second-device"), "Charged")
            await self.ask(client, "Logout", "LoggedOut")

    # --- refusals

    async def refusals(self):
        user, other = self.user(0), self.user(1)
        async with self.connect() as client:
            begin = {"merchant": "shop", "amount": 1, "currency": "EUR", "idempotency_key": "r1"}
            await self.ask(client, "BeginPayment", "NotLoggedIn", **begin)
            self.note("Login", await client.log_in(user["login"], "not the password"), "WrongCredentials")
            self.note("Login", await client.log_in("nobody", "not the password"), "WrongCredentials")
            wrong = client.ask("Login", login=user["login"], password=user["password"], channel=bytes(32))
            self.note("Login elsewhere", await wrong, "WrongChannel")
            names = {"login": "a\u200bda", "password": "long enough"}
            await self.ask(client, "RegisterCredentials", "UnsuitableName", **names)
            names = {"login": "short", "password": "short"}
            await self.ask(client, "RegisterCredentials", "WeakPassword", **names)
            await self.log_in(client, user)
            page = (await self.ask(client, "BeginPayment", "PaymentOpened", **begin))["payment"]
            await self.ask(client, "SubmitCode", "WrongStep", payment=page, code="000000")
            await self.ask(client, "PresentQr", "QrMismatch", payment=page, payload=b"rubbish")
            await self.ask(client, "PresentQr", "QrMismatch", payment=page, payload=other["payload"])
            await self.ask(client, "PresentQr", "PaymentPageLeft", payment=page, payload=other["payload"])
            await self.ask(client, "PresentQr", "NoSuchPayment", payment=page, payload=user["payload"])
            await self.ask(client, "PaymentStatus", "NoSuchPayment", payment=7)
            self.note("pay too much", await self.pay(client, user, "rich", amount=10**9), "InsufficientFunds")
            for name, bytes_of in self.malformed(begin):
                self.note(f"malformed, {name}", await client.exchange(bytes_of), "Malformed")
            await self.ask(client, "RevokeQr", "QrRevoked")
            self.note("pay without a QR", await self.pay(client, user, "revoked"), "NotBound")
            await self.ask(client, "ReplaceQr", "StepUpRequired", enrolment=user["payload"])
            account = {"bank_account": user["bank_account"], "pin": user["pin"]}
            await self.ask(client, "StepUp", "StepUpRefused", payload=other["payload"])
            await self.ask(client, "StepUp", "SteppedUp", **account)
            await self.ask(client, "ReplaceQr", "QrReplaced", enrolment=user["payload"])
            self.note("pay", await self.pay(client, user, "replaced"), "Charged")

    def malformed(self, begin):
        good = encode("BeginPayment", **begin)
        yield "unknown request", frame(bytes([200, 1]))
        yield "a byte too many", frame(good + b"\0")
        yield "a byte too few", frame(good[:-1])
        yield "an optional field twice", frame(good + b"\x09\0\x09\0")
        yield "bytes after the frame", frame(good) + b"\0"
        yield "a frame that is too long", b"\xff\xff\xff\xff"
        yield "an unknown currency", frame(encode("BeginPayment", **{**begin, "currency": "ZZZ"}))
        yield "no amount", frame(encode("BeginPayment", **{**begin, "amount": 0}))

    # --- versions (wire.md, sections 1 and 3)

    async def versions(self):
        for offered in [["biopay"], ["biopay/2"], ["biopay/4"], ["biopay/4", "biopay/3"]]:
            async with self.connect(offered) as client:
                try:
                    answer = await client.ask("Health")
                except ConnectionError:
                    answer = {"is": f"closed with {client.closed}"}
                expected = "Healthy" if "biopay/3" in offered else "closed with (2, 'biopay/3')"
                self.note(f"greeted as {offered}", answer, expected)
        async with self.connect() as client:
            # A field of a later version, which this server skips.
            answer = await client.exchange(frame(encode("Health") + b"\x63\x03new"))
            self.note("a field of tomorrow", answer, "Healthy")

    # --- a device that signs, registered in two steps

    async def with_a_device(self):
        user, device = self.user(2), Ed25519PrivateKey.generate()
        async with self.connect() as client:
            names = {"login": user["login"], "password": user["password"]}
            await self.ask(client, "RegisterCredentials", "CredentialsRegistered", **names)
            await self.log_in(client, user)
            account = {"bank_account": user["bank_account"], "pin": user["pin"]}
            key = device.public_key().public_bytes_raw()
            await self.ask(
                client, "BindAccount", "AccountBound", enrolment=user["payload"], devices=[key], **account
            )
            page = await client.ask(
                "BeginPayment", merchant="corner shop", amount=1, currency="EUR", idempotency_key="signed"
            )
            page, payload = page["payment"], user["payload"]
            signed = b"biopay presentation 1\x01" + page.to_bytes(16, "big") + payload
            present = {"payment": page, "payload": payload, "nonce": page, "signature": device.sign(signed)}
            self.note("pay, signed", await client.ask("PresentQr", **present), "Charged")

    # --- an account from its first device to its end (wire.md, section 8)

    async def account_life(self):
        user, device = self.user(3), Ed25519PrivateKey.generate()
        names = {"login": user["login"], "password": user["password"]}
        account = {"bank_account": user["bank_account"], "pin": user["pin"]}
        async with self.connect() as client, self.connect() as other:
            await self.ask(client, "Register", "Registered", **names, enrolment=user["payload"], **account)
            await self.log_in(client, user)
            await self.log_in(other, user)
            key, channel = device.public_key().public_bytes_raw(), channel_binding(client._quic)
            add = {"device": key, "signature": device.sign(b"biopay device 1" + channel + key)}
            await self.ask(client, "AddDevice", "StepUpRequired", **add)
            await self.ask(client, "StepUp", "SteppedUp", payload=user["payload"])
            await self.ask(client, "AddDevice", "DeviceRequired", **{**add, "signature": bytes(64)})
            await self.ask(client, "AddDevice", "DeviceAdded", **add)
            devices = await self.ask(client, "ListDevices", "Devices")
            self.seen[f"the device is listed: {devices['devices'] == [key]}"] += 1
            # Signed by that device, the new QR would need no step up.
            signed = device.sign(b"biopay enrolment 1" + channel_binding(other._quic) + user["payload"])
            await self.ask(other, "ReplaceQr", "QrReplaced", enrolment=user["payload"], signature=signed)
            await self.ask(client, "RevokeDevice", "DeviceRevoked", device=key)
            await self.ask(client, "RevokeDevice", "NoSuchDevice", device=key)
            listed = (await self.ask(client, "ListSessions", "Sessions"))["sessions"]
            self.seen[f"sessions listed: {len(listed)}"] += 1
            there = next(session["session"] for session in listed if not session["is_here"])
            await self.ask(client, "EndSessions", "SessionsEnded", session=there)
            await self.ask(client, "EndSessions", "NoSuchSession", session=there)
            await self.ask(other, "FetchHelper", "NotLoggedIn")
            await self.ask(client, "EndSessions", "SessionsEnded")
            await self.ask(client, "ChangePassword", "PasswordChanged", password="the second password")
            recovery = {**names, "password": "the third password", "channel": channel_binding(other._quic), **account}
            wrong = self.user(0)["payload"]
            await self.ask(other, "Recover", "WrongCredentials", **recovery, payload=wrong)
            await self.ask(other, "Recover", "Recovered", **recovery, payload=user["payload"])
            await self.ask(client, "ListDevices", "NotLoggedIn")
            user["password"] = "the third password"
            await self.log_in(client, user)
            await self.ask(client, "RevokeMandate", "StepUpRequired")
            await self.ask(client, "StepUp", "SteppedUp", payload=user["payload"])
            await self.ask(client, "RevokeMandate", "MandateRevoked")
            self.note("pay", await self.pay(client, user, "revoked"), "NotBound")
            await self.ask(client, "CloseAccount", "AccountClosed")
            self.note("Login", await client.log_in(user["login"], user["password"]), "WrongCredentials")

    # --- what merchants sign (wire.md, section 9)

    async def merchants(self):
        user, shop = self.user(0), Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.setting["merchant_seed"]))
        async with self.connect() as client:
            await self.log_in(client, user)
            expires = 4_000_000_000_000
            terms = text("signing shop") + number(10) + text("EUR") + text("A-1") + number(expires)
            order = ("A-1", expires, shop.sign(b"biopay order 1\0" + terms))
            begin = {"merchant": "signing shop", "currency": "EUR", "order": order}
            await self.ask(client, "BeginPayment", "MerchantSignature", **begin, amount=9, idempotency_key="m0")
            page = await self.ask(client, "BeginPayment", "PaymentOpened", **begin, amount=10, idempotency_key="m1")
            present = {"payment": page["payment"], "payload": user["payload"]}
            receipt = await self.ask(client, "PresentQr", "Charged", **present)
            page = await self.ask(client, "BeginPayment", "PaymentOpened", **begin, amount=10, idempotency_key="m2")
            present = {"payment": page["payment"], "payload": user["payload"]}
            await self.ask(client, "PresentQr", "OrderTaken", **present)
        async with self.connect() as client:
            for amount, key, expected in [
                (4, "r1", "Refunded"),
                (4, "r1", "Refunded"),
                (5, "r1", "IdempotencyConflict"),
                (7, "r2", "RefundTooLarge"),
                (6, "r3", "Refunded"),
            ]:
                fields = text("signing shop") + text(receipt["reference"]) + number(amount) + text("EUR") + text(key)
                refund = {"merchant": "signing shop", "reference": receipt["reference"], "amount": amount}
                signature = shop.sign(b"biopay refund 1\0" + fields)
                await self.ask(
                    client, "Refund", expected, **refund, currency="EUR", idempotency_key=key, signature=signature
                )

    # --- many requests over a link that loses, doubles and reorders

    async def crowd(self):
        user = self.user(1)
        async with self.connect() as client:
            await self.log_in(client, user)

            async def one(worker):
                for n in range(self.setting["rounds"]):
                    self.note("pay", await self.pay(client, user, f"crowd-{worker}-{n}"), "Charged")
                    await self.ask(client, "Health", "Healthy")

            await asyncio.gather(*(one(worker) for worker in range(4)))

    # --- a trace that begins here

    async def traced(self):
        user = self.user(1)
        trace = {"traceparent": self.setting["traceparent"]}
        async with self.connect() as client:
            answer = await client.ask(
                "Login",
                login=user["login"],
                password=user["password"],
                channel=channel_binding(client._quic),
                **trace,
            )
            self.note("Login", answer, "LoggedIn")
            order = {"merchant": "corner shop", "amount": 7, "currency": "EUR", "idempotency_key": "traced"}
            page = await self.ask(client, "BeginPayment", "PaymentOpened", **order, **trace)
            shown = {"payment": page["payment"], "payload": user["payload"]}
            await self.ask(client, "PresentQr", "Charged", **shown, **trace)
            # Without one, the server begins a trace of its own.
            await self.ask(client, "Health", "Healthy")

    # --- another address in the middle of a connection (RFC 9000, section 9)

    async def migration(self):
        user = self.user(1)
        async with self.connect() as client:
            await self.log_in(client, user)
            loop = asyncio.get_running_loop()
            old = client._transport
            elsewhere = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            elsewhere.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            elsewhere.bind(("::", 0, 0, 0))
            await loop.create_datagram_endpoint(lambda: client, sock=elsewhere)
            self.note("pay after moving", await self.pay(client, user, "moved"), "Charged")
            old.close()


async def main():
    tour = Tour(json.load(open(sys.argv[1])))
    for part in tour.setting["parts"]:
        await asyncio.wait_for(getattr(tour, part)(), tour.setting["limit_s"])
    print(json.dumps(tour.seen))


asyncio.run(main())
