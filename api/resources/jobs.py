"""Jobs of the worker that were given up."""

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import (
    BIGGEST_BIGINT,
    Line,
    Order,
    PageQuery,
    Request,
    Row,
    Whole,
    absent,
    page_of,
)
from api.openapi import refuses
from api.routing import Arguments, Blueprint

blp = Blueprint("jobs", "Jobs of the worker that were given up")


class DeadJob(Row):
    """A job that was given up after its last attempt."""

    id = fields.Integer(metadata={"description": "the log of the worker has its errors by this id"})
    task = fields.String(metadata={"description": "what it was to do", "example": "send_message"})
    arguments = fields.Dict(metadata={"description": "ids of what it is about"})
    attempts = fields.Integer(metadata={"example": 12})
    died_at = fields.DateTime(allow_none=True)


class RetriedJobs(Row):
    """Jobs that are in the queue again."""

    jobs = fields.Integer(metadata={"description": "how many", "example": 3})


class DeadJobQuery(PageQuery):
    """A selection of jobs."""

    task = Line(load_default=absent)
    order = Order("-id", "id")


class JobRetry(Request):
    """One job, the jobs of one task, or all."""

    job_id = Whole(
        1, BIGGEST_BIGINT, load_default=None, metadata={"description": "only the job with this id"}
    )
    task = Line(
        load_default=None,
        metadata={"description": "only jobs of this task", "example": "send_message"},
    )


@blp.get("/admin/jobs")
@signed_in("admin")
@blp.query(DeadJobQuery)
@blp.answers(200, page_of(DeadJob))
def list_dead_jobs(query: Arguments) -> bytes:
    """List the jobs that were given up

    They are kept for 90 days.
    """
    return db.page("list_dead_jobs", **query)


@blp.post("/admin/jobs/retry")
@signed_in("admin")
@blp.body(JobRetry)
@refuses(404, 409)
@blp.answers(200, RetriedJobs)
def retry_dead_jobs(body: Arguments) -> bytes:
    """Try jobs again that were given up

    One job, those of one task, or all: an empty object. They have all their attempts again. What a
    job has done already is not repeated.
    """
    return db.call("retry_dead_jobs", **body)
