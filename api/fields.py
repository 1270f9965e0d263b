"""Fields and base schemas of requests and answers. The database checks every rule again."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID

from marshmallow import (
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from api import characters

UUID_PATTERN = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# date-time of RFC 3339, section 5.6, and full-date, both from year 1900 on.
TIMESTAMP_PATTERN = (
    r"^(19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
DATE_PATTERN = r"^(19|[2-9][0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}$"
_TIMESTAMP, _DATE = re.compile(TIMESTAMP_PATTERN), re.compile(DATE_PATTERN)
CLOCK_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$|^24:00(:00)?$"
HOURS_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
WEEKDAYS_PATTERN = r"^[1-7](,[1-7]){0,6}$"
# With \/, because a generator may write a pattern between two slashes.
HTTPS_URL_PATTERN = (
    r"^https:\/\/[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
    r"(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?"
    r"(\/[A-Za-z0-9._~:\/?#@!$&()*+,;=%-]*)?$"
)
DIGITS = re.compile(r"[0-9]{1,19}")
# Part of characters.HIDDEN: control characters and those that change the direction of text. The
# whole set is too long to be read, and not every language can name all of it.
_HIDDEN = r"\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
EMAIL_PATTERN = rf"^[^@\s{_HIDDEN}]+@[^@\s{_HIDDEN}]+$"
LINE_PATTERN = rf"^[^{_HIDDEN}]*[^\s{_HIDDEN}][^{_HIDDEN}]*$"
TEXT_PATTERN = r"^[^\u0000]*$"

BIGGEST_AMOUNT = 10**12
BIGGEST_BIGINT = 2**63 - 1
DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 200
CURSOR = {"description": "next_cursor of the previous page"}


def absent() -> None:
    """Load None for an absent query parameter. The document then has no default and no null."""


class Request(Schema):
    """A body or a query. Unknown fields are refused."""

    class Meta:
        unknown = RAISE


class Patch(Request):
    """A JSON merge patch (RFC 7396): an absent field does not change, and null clears a field.

    It loads all its fields, with None for the absent and the null ones, and as `clear` the names of
    the null ones.
    """

    @post_load
    def _name_the_null_fields(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        loaded = {name: data.get(name) for name in self.fields}
        return loaded | {"clear": [name for name, value in data.items() if value is None]}


class Row(Schema):
    """An answer. It always has all fields of its schema and no other."""

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Make every field required."""
        field_obj.required = True


class Matches(validate.Regexp):
    """A pattern of ECMA-262 that the whole text matches, which the document has as it is.

    Python's `$` also matches before a line break at the end, so the whole text is compared.
    """

    def __call__(self, value: Any) -> Any:
        """Return `value`, or raise ValidationError."""
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


class Text(fields.String):
    """Text that PostgreSQL and JSON can store: no NUL, no unpaired surrogate."""

    PATTERN: ClassVar[str] = TEXT_PATTERN  # in the document, for a field without one of its own

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise self.make_error("invalid_utf8")
        return value


class Prose(Text):
    """Free text of 1 to `maximum` characters."""

    def __init__(self, maximum: int = 4000, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(1, maximum), **kwargs)


class Line(Text):
    """One line of 1 to `maximum` characters: none is hidden, and at least one is visible."""

    PATTERN = LINE_PATTERN

    default_error_messages: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "line": "Send one line with a visible character and without characters that are hidden or "
        "change the direction of the text."
    }

    def __init__(self, maximum: int = 200, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(1, maximum), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text and not characters.is_readable(text):
            raise self.make_error("line")
        return text


class Choice(Text):
    """One of `choices`, which the document lists once, under `name`."""

    def __init__(
        self, name: str, choices: Sequence[str], *, metadata: Any = None, **kwargs: Any
    ) -> None:
        metadata = {"x_enum": name, **(metadata or {})}
        super().__init__(validate=validate.OneOf(choices), metadata=metadata, **kwargs)


class Code(Text):
    """A short name in lower case, such as card."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=Matches(r"^[a-z][a-z0-9_]{0,39}$"), **kwargs)


class Currency(Text):
    """Three capital letters. The database checks that ISO 4217 has the code."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {"description": "ISO 4217 code", "example": "EUR"})
        super().__init__(validate=Matches(r"^[A-Z]{3}$"), **kwargs)


class CurrencyExponent(fields.Integer):
    """The decimals of a currency, in an answer."""

    def __init__(self, **kwargs: Any) -> None:
        description = (
            "decimals of the currency (ISO 4217): 2 for EUR, where 1250 minor units are 12.50, and"
            " 0 for JPY"
        )
        kwargs.setdefault("metadata", {"description": description, "example": 2})
        super().__init__(**kwargs)


class Email(Text):
    """An e-mail address of at most 254 visible characters (RFC 5321, section 4.5.3.1.3)."""

    default_error_messages: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "hidden": "Remove spaces and invisible characters from the e-mail address."
    }

    def __init__(self, **kwargs: Any) -> None:
        checks = [
            validate.Length(3, 254),
            Matches(EMAIL_PATTERN, error="This is not an e-mail address."),
        ]
        # No `format`: "email" is ASCII, and both formats refuse domains that are accepted here.
        description = "an e-mail address; letters beyond ASCII are allowed (RFC 6531)"
        super().__init__(validate=checks, metadata={"description": description}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if text and not (characters.is_readable(text) and characters.is_unbroken(text)):
            raise self.make_error("hidden")
        return text


class Cursor(Text):
    """The signed position of a page. The database verifies it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=Matches(r"^[A-Za-z0-9_-]{1,1000}$"), **kwargs)


class Uuid(fields.UUID):
    """A UUID in hex with hyphens (RFC 9562, section 4)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> UUID:
        if not isinstance(value, str) or not UUID_PATTERN.fullmatch(value):
            raise self.make_error("invalid_uuid")
        return UUID(value)


class Timestamp(fields.DateTime):
    """An instant (RFC 3339) from year 1900 to 9999. The offset is required."""

    PATTERN = TIMESTAMP_PATTERN

    default_error_messages: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "timestamp": "Send a time such as 2026-11-22T09:30:00Z or 2026-11-22T10:30:00+01:00: with "
        "T, seconds and an offset (in an address, + is %2B), from year 1900 to 9999."
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
            raise self.make_error("timestamp")
        try:
            instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise self.make_error("timestamp") from None
        if instant.year < 1900:
            raise self.make_error("timestamp")
        return instant


class Day(fields.Date):
    """A date such as 2026-11-22 (full-date of RFC 3339, section 5.6), from year 1900 on."""

    PATTERN = DATE_PATTERN

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        try:
            if isinstance(value, str) and _DATE.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)


class ClockTime(Text):
    """A time of day such as 09:00. 24:00 is the end of the day."""

    def __init__(self, **kwargs: Any) -> None:
        error = "Send a time of day such as 09:00."
        kwargs.setdefault("metadata", {"example": "09:00"})
        super().__init__(validate=Matches(CLOCK_PATTERN, error=error), **kwargs)


class Language(Text):
    """A code of ISO 639-1. The database checks that the standard has it."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {"description": "ISO 639-1 code"})
        super().__init__(validate=Matches(r"^[a-z]{2}$"), **kwargs)


class HttpsUrl(Text):
    """The address of a page or a picture. It is never fetched."""

    def __init__(self, **kwargs: Any) -> None:
        error = (
            "Send an address that begins with https://, without spaces and user name, and with a"
            " port from 1 to 65535 if it has one."
        )
        checks = [validate.Length(1, 500), Matches(HTTPS_URL_PATTERN, error=error)]
        super().__init__(validate=checks, **kwargs)


class Hours(Text):
    """Two times of day such as 17:00-20:00: from the first one on, before the second one."""

    def __init__(self, **kwargs: Any) -> None:
        error = "Send two times of day such as 17:00-20:00."
        super().__init__(validate=Matches(HOURS_PATTERN, error=error), **kwargs)


class Weekdays(Text):
    """Numbers from 1 (Monday) to 7 (Sunday, ISO 8601) with commas between them, as a list."""

    default_error_messages: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "weekdays": "Send numbers from 1 (Monday) to 7 (Sunday) with commas between them."
    }

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "description": "numbers from 1 (Monday) to 7 (Sunday), with commas between them",
            "example": "1,2,3,4,5",
            "pattern": WEEKDAYS_PATTERN,
        }
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not re.fullmatch(WEEKDAYS_PATTERN, super()._deserialize(value, attr, data, **kwargs)):
            raise self.make_error("weekdays")
        return [int(number) for number in value.split(",")]


class Whole(fields.Integer):
    """A whole number in JSON: 5, but not "5", 5.0 or true."""

    def __init__(self, minimum: int, maximum: int, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(minimum, maximum), **kwargs)


class Flag(fields.Boolean):
    """true or false in JSON, but not 1, "yes" or null."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class Amount(Whole):
    """Money in minor units (cents)."""

    def __init__(self, minimum: int = 1, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {"description": "in minor units (cents) of the currency"})
        super().__init__(minimum, BIGGEST_AMOUNT, **kwargs)


class Digits(fields.Integer):
    """A whole number in text: digits only, without a sign."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not DIGITS.fullmatch(value):
            raise self.make_error("invalid", input=value)
        return int(value)


class QueryNumber(Digits):
    """A whole number in an address."""

    def __init__(self, minimum: int, maximum: int, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(minimum, maximum), **kwargs)


class Limited(Request):
    """The length of a page."""

    limit = QueryNumber(
        1,
        MAXIMUM_LIMIT,
        load_default=DEFAULT_LIMIT,
        metadata={"description": "the maximum number of items"},
    )


class Order(Choice):
    """The order of a list: a field, or a minus sign and a field for the reverse."""

    def __init__(self, default: str, *others: str) -> None:
        field = default.removeprefix("-").title().replace("_", "")
        super().__init__(
            f"OrderBy{field}",
            sorted((default, *others)),
            load_default=absent,
            metadata={"description": f"by default {default}; with a minus sign the latest first"},
        )


class PageQuery(Limited):
    """A page of a list."""

    cursor = Cursor(load_default=absent, metadata=CURSOR)


class Period(Request):
    """An interval of time. Both ends are optional."""

    # The field is called `from`, which is a keyword of Python.
    from_ = Timestamp(
        data_key="from",
        attribute="from",
        load_default=absent,
        metadata={"description": "not before this time"},
    )
    to = Timestamp(load_default=absent, metadata={"description": "before this time"})

    @validates_schema
    def _ends_after_it_begins(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["from"] and data["to"] and data["from"] > data["to"]:
            raise ValidationError("`to` must not be before `from`.", "to")


def page_of(row: type[Schema]) -> type[Schema]:
    """The schema of one page of a list of rows."""
    return type(
        f"{row.__name__}Page",
        (Row,),
        {
            "__doc__": "One page of a list.",
            "items": fields.List(fields.Nested(row)),
            "next_cursor": fields.String(
                allow_none=True, metadata={"description": "null at the end of the list"}
            ),
        },
    )


def page_by(default: str, other: str) -> type[PageQuery]:
    """The query of a list that has two orders."""
    return type("OrderedPageQuery", (PageQuery,), {"order": Order(default, other)})
