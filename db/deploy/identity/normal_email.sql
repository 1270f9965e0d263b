-- Deploy telemed:identity/normal_email to pg

begin;

create function app.normal_email(p_email text)
returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- NFC once more at the end: the small letter of a composed pair may have a character of its own
    -- where the capital has none (J with caron). ASCII first and by itself: a Turkish locale has
    -- another small i. The final sigma is a capital sigma's small letter like the other one.
    return translate(
        normalize(lower(lower(normalize(p_email, nfc) collate "C") collate "default"), nfc),
        'ς', 'σ');
end;
$$;

comment on function app.normal_email(text) is
'The form in which e-mail addresses are compared: Unicode''s NFC, in lower case. Small letters
beyond ASCII are those of the database''s locale, which scripts/deploy.sh sets to C.UTF-8: after a
change of it, reindex users_email_is_unique_regardless_of_case.';

commit;
