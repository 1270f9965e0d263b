"""The list of specialties."""

from marshmallow import fields

from api import db
from api.auth import signed_in
from api.fields import PageQuery, Row, page_of
from api.replicas import from_replica
from api.routing import Arguments, Blueprint

blp = Blueprint("specialties", "The list of specialties")


class Specialty(Row):
    """A specialty of the list."""

    code = fields.String(metadata={"description": "for filters; it does not change"})
    name = fields.String()
    active_doctors = fields.Integer(metadata={"description": "how many active doctors have it"})


@blp.get("/specialties")
@signed_in()
@blp.query(PageQuery)
@from_replica
@blp.answers(200, page_of(Specialty))
def list_specialties(query: Arguments) -> bytes:
    """List specialties

    A new doctor with a specialty that is not listed yet adds it. Names that differ only in case,
    accents, spaces or punctuation have one code.
    """
    return db.page("list_specialties", **query)
