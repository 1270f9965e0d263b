"""What a page says about a refusal of the REST API: what happened, and what to do."""

from typing import Any, NamedTuple

from console.page import gettext
from console.rest import Answer
from console.texts import mark

# By code (db/errors.md), else by status. A code that is not here shows the sentence of the API.
SENTENCES = {
    "TM103": mark("The e-mail address or the password is wrong. Try again."),
    "TM105": mark(
        "This account has a second factor. Enter your password again, with the code that your"
        " authenticator shows."
    ),
    "TM106": mark("This code is wrong or was used before. Wait for the next code and try again."),
    "TM201": mark("Something in the form is not valid. Correct it and try again."),
    "TM203": mark("This form was sent before with other entries. Check your consultations first."),
    "TM204": mark("This time zone is not known here. Choose another one."),
    "TM207": mark("This time belongs to another doctor. Choose a time of the same doctor."),
    "TM220": mark("The present password is wrong. Try again."),
    "TM221": mark("This is your present password. Choose another one."),
    "TM222": mark("This code is wrong, was used or is too old. Ask for a new message."),
    "TM231": mark("This code is wrong, was used or is too old. Ask for a new message."),
    "TM301": mark("Your account cannot do this."),
    "TM302": mark("Your account needs a second factor for this. Set it up, then go on."),
    "TM303": mark("The clinic takes bookings after your e-mail address is verified."),
    "TM401": mark("This doctor does not exist, or has left the clinic."),
    "TM402": mark("This time is not free any more. Choose another one."),
    "TM403": mark("There is no such consultation in your account."),
    "TM404": mark("There is no such payment in your account."),
    "TM405": mark("This time off is removed already."),
    "TM406": mark("There is no such account."),
    "TM415": mark("There is no such webhook. Somebody may have deleted it."),
    "TM416": mark("There is no such event, or it is not kept any more."),
    "TM420": mark("This session has ended already."),
    "TM430": mark("This job has not failed, or is in the queue again."),
    "TM501": mark(
        "Your profile was changed meanwhile, in another tab or on another device. Check the"
        " entries and save again."
    ),
    "TM901": mark("Somebody else has just taken this time."),
    "TM902": mark("This time overlaps another time of yours."),
    "TM903": mark("This time has already begun."),
    "TM904": mark("You have another consultation at this time."),
    "TM905": mark("This consultation was completed or cancelled meanwhile."),
    "TM906": mark("The consultation has begun, so it cannot be changed here. Ask the clinic."),
    "TM907": mark("Complete the consultation before you prescribe."),
    "TM910": mark("This time is booked. Cancel its consultation first."),
    "TM911": mark("This e-mail address has an account already. Log in with it."),
    "TM913": mark("You have time off in this period already."),
    "TM914": mark(
        "Your account has a second factor already. If you have not seen its recovery codes, remove"
        " it and set it up again."
    ),
    "TM915": mark("There is no second factor to confirm or to remove. Begin again."),
    "TM917": mark("The consultation is at this time already."),
    "TM918": mark("You have booked this time already."),
    "TM920": mark("You cannot close your own account here. Ask another admin."),
    "TM924": mark("It is too early to complete the consultation. Wait until it begins."),
    "TM931": mark("Your e-mail address is verified already."),
    "TM940": mark("The video of this consultation is not open at this time."),
    "TM941": mark("The webhook is disabled. Enable it first."),
    "TM942": mark("The webhook was created, but its first secret was replaced since."),
    "TM943": mark("The same job waits in the queue already."),
    "TM991": mark(
        "Your first attempt is still being carried out. Send the form again in a moment: it is"
        " carried out only once."
    ),
    "403": mark("Your account cannot do this."),
    "404": mark("There is no page at this address. Check the address, or start again."),
    "405": mark("This address only receives forms. Start again from the first page."),
    "412": mark("This was changed meanwhile. Open the page again."),
    "413": mark("The form is too long. Shorten your text and try again."),
    "422": mark("Something in the form is not valid. Correct it and try again."),
    "500": mark("Something went wrong here, and it was logged. Nothing that you see is lost."),
    "502": mark("The service is not available at the moment. Try again shortly."),
    "503": mark("The service is not available at the moment. Try again shortly."),
    "504": mark("The service took too long, and nothing was changed. Try again."),
}
TOO_MANY = mark("Too many attempts. Try again in %(seconds)s seconds.")
SAFE_RETRY = mark("Your entries are kept below. Send the form again: it is carried out only once.")


class Fault(NamedTuple):
    """What is wrong with a field of a form."""

    field: str
    text: str


def sentence(problem: dict[str, Any], retry_after: str = "") -> str:
    """What a problem document means for the reader of a page."""
    status = str(problem["status"])
    if status == "429":
        return gettext(TOO_MANY, seconds=retry_after or "60")
    known = SENTENCES.get(problem["code"])
    if known is None and not str(problem["code"]).startswith("TM"):
        known = SENTENCES.get(status)
    return gettext(known) if known else str(problem["detail"])


def of(answer: Answer, *, is_keyed: bool = False) -> str:
    """What a refusal means for the reader of a form.

    is_keyed: the form has an idempotency key.
    """
    text = sentence(answer.body, answer.headers.get("Retry-After", ""))
    if is_keyed and answer.status in (500, 503, 504):
        text += " " + gettext(SAFE_RETRY)
    return text


def faults(answer: Answer) -> list[Fault]:
    """The fields that a refusal names."""
    errors = answer.body.get("errors", ())
    places = (
        (error.get("pointer", "").removeprefix("#/").partition("/")[0], error) for error in errors
    )
    return [
        Fault(field or error["parameter"], error["detail"])
        for field, error in places
        if field or "parameter" in error
    ]
