"""Changing one's password."""

import json

from api import db, passwords
from api.auth import signed_in
from api.blueprint import Arguments, Blueprint
from api.config import current
from api.fields import Prose, Request
from api.resources.auth import NewPassword, Tokens, tokens_of

blp = Blueprint("passwords", "Changing passwords")


class PasswordChange(Request):
    """The password as it is and as it is to be."""

    current_password = Prose(
        passwords.MAXIMUM_LENGTH, required=True, metadata={"format": "password"}
    )
    new_password = NewPassword()


@blp.post("/me/password")
@signed_in()
@blp.body(PasswordChange)
@blp.answers(200, Tokens)
def change_password(body: Arguments) -> bytes:
    """Change one's own password

    Every session ends, also this one: go on with the tokens of the answer.
    """
    # Two calls, as at log-in. The current password as the new one comes to the database with the
    # same hash: another salt would hide that from it.
    setting: str = json.loads(db.call("my_password_salt"))
    with passwords.turn():
        current_hash = new_hash = passwords.hash_with(body["current_password"], setting)
        if body["new_password"] != body["current_password"]:
            new_hash = passwords.hash_password(body["new_password"], current().bcrypt_cost)
    return tokens_of(
        db.call("change_password", current_password_hash=current_hash, new_password_hash=new_hash)
    )
