"""The audit log, the access log and the invariants."""

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import (
    Choice,
    Line,
    Order,
    PageQuery,
    Period,
    Request,
    Row,
    Timestamp,
    Uuid,
    absent,
    page_of,
)
from api.routing import Arguments, Blueprint

blp = Blueprint("audit", "The audit log, the access log and the invariants")

OPERATIONS = ("INSERT", "UPDATE", "DELETE")
KINDS = ("act_as", "denied", "read")


class AuditLog(Row):
    """One change of one row."""

    id = fields.Integer()
    occurred_at = fields.DateTime()
    table_name = fields.String()
    row_id = fields.String()
    operation = Choice("AuditOperation", OPERATIONS)
    old = fields.Dict(
        allow_none=True, metadata={"description": "the row before the change, without secrets"}
    )
    new = fields.Dict(
        allow_none=True, metadata={"description": "the row after the change, without secrets"}
    )
    user_id = fields.UUID(allow_none=True)
    role = fields.String(allow_none=True)
    database_login = fields.String()
    request_id = fields.String(allow_none=True)


class AccessLog(Row):
    """One access: a read by a user other than the patient, a refusal, or a DBA acting as a user."""

    id = fields.Integer()
    occurred_at = fields.DateTime()
    kind = Choice("AccessKind", KINDS)
    operation = fields.String(metadata={"description": "the function of the schema api"})
    resource_ids = fields.List(fields.UUID(), allow_none=True)
    code = fields.String(allow_none=True, metadata={"description": "the code of a refusal"})
    user_id = fields.UUID(allow_none=True)
    role = fields.String(allow_none=True)
    database_login = fields.String()
    request_id = fields.String(allow_none=True)


class Invariant(Row):
    """A rule that holds for all rows at any time. With 0 violations it holds."""

    name = fields.String()
    description = fields.String()
    violations = fields.Integer()
    examples = fields.List(fields.String(), metadata={"description": "ids of rows that violate it"})


class AuditQuery(PageQuery, Period):
    """A selection of changes."""

    table_name = Line(load_default=absent)
    row_id = Line(load_default=absent)
    user_id = Uuid(load_default=absent)
    operation = Choice("AuditOperation", OPERATIONS, load_default=absent)
    request_id = Line(load_default=absent)
    order = Order("-occurred_at", "occurred_at")


class AccessQuery(PageQuery, Period):
    """A selection of accesses."""

    kind = Choice("AccessKind", KINDS, load_default=absent)
    user_id = Uuid(load_default=absent)
    resource_id = Uuid(load_default=absent)
    order = Order("-occurred_at", "occurred_at")


class InvariantQuery(Request):
    """The age of the rows to check."""

    since = Timestamp(
        load_default=absent,
        metadata={
            "description": "check rows created since this time; by default in the last 24 hours"
        },
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

    Reads of data of patients by other users, refusals of logged-in users, and DBAs
    who acted as a user.
    """
    return db.page("list_access_logs", **query)


@blp.get("/admin/invariants")
@signed_in("admin")
@blp.query(InvariantQuery)
@blp.answers(200, page_of(Invariant))
def check_invariants(query: Arguments) -> bytes:
    """Check the invariants

    Checks the rows of the last 24 hours, or since another time. Checking all rows may take longer
    than a request may take (504).
    """
    return db.items("check_invariants", **query)
