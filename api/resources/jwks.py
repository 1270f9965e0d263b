"""The public keys with which other services verify access tokens."""

import json
from typing import Any

from flask import Response
from marshmallow import fields, validate

from api.config import current
from api.fields import Choice, Row
from api.parsing import JSON_TYPE
from api.routing import Blueprint

blp = Blueprint("jwks", "Public keys of access tokens", url_prefix=None)

# Short, so that clients get a new key soon after it is published.
CACHE = "public, max-age=300"


class PublicKey(Row):
    """RFC 7517; RFC 8037 for EdDSA, RFC 7518 for RS256."""

    kid = fields.String(metadata={"description": "names the key in a token's header (RFC 7638)"})
    kty = Choice("KeyType", ("OKP", "RSA"))
    use = fields.String(validate=validate.OneOf(["sig"]))
    alg = Choice("KeyAlgorithm", ("EdDSA", "RS256"))
    crv = fields.String(validate=validate.OneOf(["Ed25519"]))
    x = fields.String()
    n = fields.String()
    e = fields.String()

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Make the members required that every kind of key has."""
        field_obj.required = field_name in ("kid", "kty", "use", "alg")


class KeySet(Row):
    """A JWK Set (RFC 7517, section 5). Empty with HMAC, whose keys are secret."""

    keys = fields.List(fields.Nested(PublicKey))


@blp.get("/.well-known/jwks.json")
@blp.answers(200, KeySet)
def public_keys() -> Response:
    """Read the keys that verify access tokens

    The current key, and the keys of a rotation.
    """
    body = json.dumps({"keys": current().keyring.published()})
    return Response(body, content_type=JSON_TYPE, headers={"Cache-Control": CACHE})
