"""Who changed what, and whether what must hold does."""

from marshmallow import fields, validate

from api import db
from api.auth import signed_in
from api.fields import (
    Line,
    PageQuery,
    Period,
    Request,
    Row,
    Text,
    Timestamp,
    Uuid,
    absent,
    page_of,
)
from api.routing import Arguments, Blueprint

blp = Blueprint("audit", "Who changed what, and whether what must hold does")

OPERATIONS = ("INSERT", "UPDATE", "DELETE")
KINDS = ("act_as", "denied", "read")


class AuditLog(Row):
    """One change of one row."""

    id = fields.Integer()
    occurred_at = fields.DateTime()
    table_name = fields.String()
    row_id = fields.String()
    operation = fields.String(validate=validate.OneOf(OPERATIONS))
    old = fields.Dict(allow_none=True, metadata={"description": "the row before, no secrets"})
    new = fields.Dict(allow_none=True, metadata={"description": "the row after, no secrets"})
    user_id = fields.UUID(allow_none=True)
    role = fields.String(allow_none=True)
    database_login = fields.String()
    request_id = fields.String(allow_none=True)


class AccessLog(Row):
    """A read by somebody but the patient, a refusal, or an administrator who acts as a user."""

    id = fields.Integer()
    occurred_at = fields.DateTime()
    kind = fields.String(validate=validate.OneOf(KINDS))
    operation = fields.String(metadata={"description": "the function, without its schema"})
    resource_ids = fields.List(fields.UUID(), allow_none=True)
    code = fields.String(allow_none=True, metadata={"description": "of a refusal"})
    user_id = fields.UUID(allow_none=True)
    role = fields.String(allow_none=True)
    database_login = fields.String()
    request_id = fields.String(allow_none=True)


class Invariant(Row):
    """Something that must always hold; 0 violations say that it does."""

    name = fields.String()
    description = fields.String()
    violations = fields.Integer()
    examples = fields.List(fields.String(), metadata={"description": "ids of rows at fault"})


class AuditQuery(PageQuery, Period):
    """Which changes."""

    table_name = Line(load_default=absent)
    row_id = Line(load_default=absent)
    user_id = Uuid(load_default=absent)
    operation = Text(load_default=absent, validate=validate.OneOf(OPERATIONS))
    request_id = Line(load_default=absent)


class AccessQuery(PageQuery, Period):
    """Which accesses."""

    kind = Text(load_default=absent, validate=validate.OneOf(KINDS))
    user_id = Uuid(load_default=absent)
    resource_id = Uuid(load_default=absent)


class InvariantQuery(Request):
    """How far to look back."""

    since = Timestamp(
        load_default=absent, metadata={"description": "what was made since; by default 24 hours"}
    )


@blp.get("/admin/audit-logs")
@signed_in("admin")
@blp.query(AuditQuery)
@blp.answers(200, page_of(AuditLog))
def list_audit_logs(query: Arguments) -> bytes:
    """List changes"""
    return db.page("list_audit_logs", **query)


@blp.get("/admin/access-logs")
@signed_in("admin")
@blp.query(AccessQuery)
@blp.answers(200, page_of(AccessLog))
def list_access_logs(query: Arguments) -> bytes:
    """List accesses

    Reads of clinical data by anybody but the patient, refusals of signed-in users, and database
    administrators who acted as somebody.
    """
    return db.page("list_access_logs", **query)


@blp.get("/admin/invariants")
@signed_in("admin")
@blp.query(InvariantQuery)
@blp.answers(200, page_of(Invariant))
def check_invariants(query: Arguments) -> bytes:
    """Check what must always hold

    What was made in the last 24 hours, or since another time. To look at everything may take longer
    than a request is allowed to (504).
    """
    return db.items("check_invariants", **query)
