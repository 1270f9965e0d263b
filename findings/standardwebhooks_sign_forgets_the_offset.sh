#!/bin/sh
# PyPI standardwebhooks 1.1.0: Webhook.sign(msg_id, timestamp, data) with an aware datetime that is not
# in UTC.
#
# One would guess: the same instant gives the same signature, whatever its offset is.
# What happens: the offset is replaced by UTC, not converted. 10:00+02:00 is signed as 10:00Z, two hours
# later than the same instant as 08:00Z. No error is raised.
# Why it matters: the sender's header webhook-timestamp has the right second, the signature is over
# another one, and every receiver refuses the message. It works on machines and in tests in UTC.
#
# Fails if the behaviour changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

from standardwebhooks import Webhook, WebhookVerificationError

print("standardwebhooks", version("standardwebhooks"))
webhook = Webhook("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
body = '{"type": "a.b"}'
utc = datetime.now(timezone.utc)
same = utc.astimezone(timezone(timedelta(hours=2)))
assert utc == same
print("one instant:", utc.isoformat(), "and", same.isoformat())
print("its signatures:", webhook.sign("id", utc, body), "and", webhook.sign("id", same, body))


def verify(signed_at):
    headers = {
        "webhook-id": "id",
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": webhook.sign("id", signed_at, body),
    }
    try:
        webhook.verify(body, headers)
    except WebhookVerificationError as error:
        return f"refused: {error}"
    return "accepted"


found = {"UTC": verify(utc), "+02:00": verify(same)}
print("signed and verified:", found)
assert found == {"UTC": "accepted", "+02:00": "refused: No matching signature found"}, "changed"
PYTHON
