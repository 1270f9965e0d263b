"""The account of the caller."""

from marshmallow import fields, validate

from api import db
from api.auth import ROLES, signed_in
from api.fields import Day, Line, Request, Row, Text
from api.routing import Arguments, Blueprint

blp = Blueprint("me", "The profile of the caller")


class User(Row):
    """An account and its profile."""

    id = fields.UUID()
    email = fields.String()
    role = fields.String(validate=validate.OneOf(ROLES))
    full_name = fields.String()
    phone = fields.String(allow_none=True)
    date_of_birth = fields.Date(allow_none=True)
    created_at = fields.DateTime()


class Profile(Request):
    """A change of the profile. A field that is absent or null does not change."""

    full_name = Line(load_default=None)
    phone = Text(
        load_default=None,
        validate=validate.Regexp(
            r"^(\+?[0-9][0-9 ().-]{4,30})?\Z", error="This is not a telephone number."
        ),
        metadata={"description": "an empty text removes the number", "example": "+49 30 901820"},
    )
    date_of_birth = Day(load_default=None, metadata={"example": "1980-02-29"})


@blp.get("/me")
@signed_in()
@blp.answers(200, User)
def my_profile() -> bytes:
    """Read the caller's profile"""
    return db.call("my_profile")


@blp.patch("/me")
@signed_in()
@blp.body(Profile)
@blp.answers(200, User)
def update_my_profile(body: Arguments) -> bytes:
    """Change the caller's profile"""
    return db.call("update_my_profile", **body)
