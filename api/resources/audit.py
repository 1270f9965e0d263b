"""The audit log and its seals, the access log and the invariants."""

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import (
    Choice,
    Line,
    Order,
    PageQuery,
    Period,
    QueryNumber,
    Request,
    Row,
    Timestamp,
    Uuid,
    absent,
    page_by,
    page_of,
)
from api.routing import Arguments, Blueprint

blp = Blueprint("audit", "The audit log and its seals, the access log and the invariants")

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


class AuditSeal(Row):
    """A seal of the audit log: it makes later changes of the rows that it covers detectable."""

    id = fields.Integer(metadata={"description": "1, 2, 3 ... without a gap", "example": 88})
    kind = Choice(
        "AuditSealKind",
        ("rows", "retirement"),
        metadata={"description": "retirement: the rows of the month were dropped"},
    )
    month = fields.Date(
        metadata={"description": "the first day of the month (UTC)", "example": "2027-02-01"}
    )
    after_id = fields.Integer(
        metadata={"description": "it covers rows after this id", "example": 20091}
    )
    last_id = fields.Integer(metadata={"description": "up to this id", "example": 20117})
    row_count = fields.Integer(metadata={"example": 26})
    sealed_at = fields.DateTime(metadata={"example": "2027-02-20T08:16:00.004512Z"})
    hash = fields.String(
        metadata={"description": "SHA-256 in hexadecimal", "example": "9f86d081" * 8}
    )
    is_intact = fields.Boolean(
        metadata={
            "description": "the hash is that of the seal, which follows the seal before it",
            "example": True,
        }
    )


class AuditProblem(Row):
    """A problem of the audit log."""

    problem = Choice(
        "AuditProblemKind",
        (
            *("row_changed", "row_not_sealed", "rows_differ"),
            *("seal_changed", "chain_broken", "retirement_differs"),
        ),
        metadata={"example": "rows_differ"},
    )
    seal_id = fields.Integer(allow_none=True, metadata={"example": 88})
    audit_id = fields.Integer(allow_none=True, metadata={"example": None})
    explanation = fields.String(metadata={"example": "26 rows were sealed, 25 exist now"})


class AuditCheck(Row):
    """The state of the audit log, and what a check of its end has found."""

    last_seal_id = fields.Integer(
        allow_none=True, metadata={"description": "null without a seal", "example": 88}
    )
    last_sealed_at = fields.DateTime(
        allow_none=True, metadata={"example": "2027-02-20T08:16:00.004512Z"}
    )
    last_sealed_id = fields.Integer(
        allow_none=True,
        metadata={"description": "the last row that a seal covers", "example": 20117},
    )
    oldest_unsealed_at = fields.DateTime(
        allow_none=True,
        metadata={
            "description": "the time of the oldest row that is not sealed; null if all are",
            "example": "2027-02-20T08:16:11.330164Z",
        },
    )
    checked_seals = fields.Integer(
        metadata={"description": "the newest seals, whose chain was checked", "example": 88}
    )
    checked_rows = fields.Integer(
        metadata={
            "description": "the newest sealed rows, which were compared with their seals",
            "example": 9874,
        }
    )
    problem_count = fields.Integer(metadata={"example": 0})
    problems = fields.List(
        fields.Nested(AuditProblem),
        metadata={"description": "the first 20 of them", "example": []},
    )


class AuditCheckQuery(Request):
    """The length of the check."""

    rows = QueryNumber(
        0,
        50_000,
        load_default=10_000,
        metadata={"description": "compare as many newest seals as have at most so many rows"},
    )


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


@blp.get("/admin/audit-seals")
@signed_in("admin")
@blp.query(page_by("-id", "id"))
@blp.answers(200, page_of(AuditSeal))
def list_audit_seals(query: Arguments) -> bytes:
    """List the seals of the audit log"""
    return db.page("list_audit_seals", **query)


@blp.get("/admin/audit-check")
@signed_in("admin")
@blp.query(AuditCheckQuery)
@blp.answers(200, AuditCheck)
def check_audit(query: Arguments) -> bytes:
    """Check the end of the audit log

    The chain of the newest 1000 seals, and the rows of the newest ones. A check of all rows takes
    too long for a request; DBAs and auditors make it, also against seals that were exported.
    """
    return db.call("check_audit", **query)


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
