"""The form of a page: what was entered, and what the REST API answered to it.

A page with a form makes one, sends the entries, and either leads to the next page or is shown again
with the refusal:

    form = Form(time_zone=me["time_zone"])
    if form.is_sent and form.take(visit.current().call("PATCH", "/v1/me", body=...)):
        return form.lead_to("preferences", done="saved")
    return page.render("preferences.html", form)

The macros of templates/fields.html show it.
"""

from uuid import uuid4

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from console import refusals
from console.page import gettext
from console.refusals import Fault
from console.rest import Answer

# A refusal with one of these statuses is remembered under the key of a form.
REMEMBERED = (400, 409, 422)
IN_PROGRESS = "TM99"  # but these codes are not: an earlier attempt is still being carried out


class Form:
    """The form of the present page. is_keyed: what it does is done once for its key.

    version: the ETag of what it changes; a change that somebody made meanwhile is not overwritten.
    in_address: its fields are in the address, also when it is sent: a page that shows first what
    sending would do. defaults: what its fields have before anything is entered.
    """

    def __init__(
        self,
        *,
        is_keyed: bool = False,
        version: str = "",
        in_address: bool = False,
        **defaults: object,
    ) -> None:
        self.is_sent = request.method == "POST"
        self.status = 200
        self.code = self.refusal = ""
        self.faults: list[Fault] = []
        self.answer: Answer | None = None
        self.key = ""
        if is_keyed:
            # Made with the page, so that a double click, a reload and "back" send the same one.
            self.key = (request.form.get("key", "") if self.is_sent else "") or _new_key()
        # A refused form keeps the version that its reader has seen, unless that is what was wrong.
        self.version = version
        self.sent_version = request.form.get("version", "")
        self._defaults = defaults
        self._fields = request.values if in_address else request.form
        # Whether somebody has filled it in: it is sent, or its fields are in the address.
        self.is_filled = (
            any(name in request.args for name in defaults) if in_address else self.is_sent
        )

    def text(self, name: str) -> str:
        """The text of a field: as it was entered, else its default."""
        default = self._defaults.get(name)
        value = "" if default is None else str(default)
        return self._fields.get(name, "" if self.is_filled else value)

    def optional(self, name: str) -> str | None:
        """The text of a field without spaces around it; None for nothing."""
        return self.text(name).strip() or None

    def choices(self, name: str) -> list[str]:
        """What was chosen of several values: check boxes with one name."""
        if self.is_filled:
            return self._fields.getlist(name)
        default = self._defaults.get(name)
        return [str(value) for value in default] if isinstance(default, (list, tuple)) else []

    def take(self, answer: Answer) -> bool:
        """Whether the API has accepted the form. A refusal is kept, to be shown."""
        self.answer = answer
        if answer.status < 400:
            return True
        self.status, self.code = answer.status, answer.code
        self.refusal = refusals.of(answer, is_keyed=bool(self.key))
        self.faults = refusals.faults(answer)
        # An attempt whose outcome is unknown is repeated with its key; a refused one needs another.
        is_in_progress = self.code.startswith(IN_PROGRESS)
        if self.key and answer.status in REMEMBERED and not is_in_progress:
            self.key = _new_key()
        return False

    def refuse(self, field: str, text: str) -> None:
        """Name what is wrong with a field, without asking the API."""
        self.status = 422
        self.refusal = gettext(refusals.SENTENCES["422"])
        self.faults.append(Fault(field, text))

    def rename(self, names: dict[str, str]) -> None:
        """Give faults the names of the fields of the page, where the API has others."""
        self.faults = [
            fault._replace(field=names.get(fault.field, fault.field)) for fault in self.faults
        ]

    def lead_to(self, page: str, *, done: str = "", **values: object) -> AnyResponse:
        """Show another page of the console. done: a key of page.DONE, what it says first."""
        address = url_for(f"console.{page}", done=done or None, **values)  # type: ignore[arg-type]
        return redirect(address, 303)


def _new_key() -> str:
    return str(uuid4())
