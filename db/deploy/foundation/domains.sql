-- Deploy telemed:foundation/domains to pg

begin;

-- char_length checks lengths: a bounded repetition such as {1,255} makes an expression slow.

create domain app.instant as timestamptz
constraint instant_is_finite_and_before_year_10000
check (value >= '1900-01-01 00:00:00+00' and value < '10000-01-01 00:00:00+00');
comment on domain app.instant is
'A point in time from the year 1900 to the year 9999, never infinite: clients cannot read anything
else.';

create domain app.line as text
constraint line_has_1_to_200_characters_and_none_hidden
check (
    char_length(value) between 1 and 200
    -- Nearly every line is ASCII, for which no function is called.
    and (value ~ '^[ -~]*[!-~][ -~]*$' or app.is_readable(value))
);
comment on domain app.line is
'One line of text: 1 to 200 characters, at least one of them visible and none of them hidden. Hidden
are control and format characters, which could change how the text around them reads
(app.is_readable).';

create domain app.prose as text
constraint prose_has_1_to_4000_characters check (char_length(value) between 1 and 4000);
comment on domain app.prose is
'Free text of 1 to 4000 characters of any kind, with line breaks, tabs and the directional controls
that a text in two scripts needs. Show it isolated from the text around it.';

create domain app.code as text
constraint code_is_a_lower_case_identifier
check (char_length(value) <= 40 and value ~ '^[a-z][a-z0-9_]*$');
comment on domain app.code is 'A short name in lower case, such as card or book_consultation.';

create domain app.email as text
constraint email_has_one_at_sign_and_neither_spaces_nor_hidden_characters
check (char_length(value) between 3 and 254 and app.is_email(value));
comment on domain app.email is
'An e-mail address of at most 254 characters (RFC 5321, section 4.5.3.1.3) that app.is_email
accepts, as it was written. Addresses are compared by app.normal_email.';

create domain app.bcrypt_hash as text
constraint bcrypt_hash_is_complete
check (value ~ '^\$2b\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$');
comment on domain app.bcrypt_hash is
'A bcrypt hash: $2b$, two digits of cost (04 to 31), $, 22 characters of salt and 31 of hash.';

create domain app.amount_minor as bigint
constraint amount_minor_is_from_0_to_10_to_the_12
check (value between 0 and 1000000000000);
comment on domain app.amount_minor is
'Money in minor units (cents) of the currency beside it, 0 to 10^12.';

create domain app.currency as text
constraint currency_is_an_active_iso_4217_code
check (value is null or app.currency_exponent(value) is not null);
comment on domain app.currency is
'An active ISO 4217 alphabetic currency code: see app.currency_exponent.';

create domain app.language as text
constraint language_is_an_iso_639_1_code
check (value is null or app.language_name(value) is not null);
comment on domain app.language is 'An ISO 639-1 code, such as es: see app.language_name.';

create domain app.https_url as text
constraint https_url_has_a_host_name_and_only_characters_of_a_url
check (
    char_length(value) <= 500
    and value ~ (
        '^https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?'
        '(/[A-Za-z0-9._~:/?#@!$&()*+,;=%-]*)?$')
)
constraint https_url_has_a_port_from_1_to_65535
check (
    value !~ '^https://[^/]*:'
    or value ~ (
        '^https://[^/:]+:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}'
        '|[1-9][0-9]{0,3})(/|$)')
);
comment on domain app.https_url is
'The address of a page, a picture or a webhook: https, a host name with a dot, and perhaps a port
from 1 to 65535 and a path, at most 500 characters in all, without a user name. Only the worker
sends requests, to webhooks, and checks where they go (api/public_addresses.py).';

create domain app.idempotency_key as text
constraint idempotency_key_has_1_to_255_printable_characters
check (char_length(value) between 1 and 255 and value !~ '[^ -~]');
comment on domain app.idempotency_key is
'The client''s name for one attempt at a request: 1 to 255 printable ASCII characters.';

commit;
