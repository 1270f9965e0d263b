-- Deploy telemed:identity/normal_email to pg

begin;

create function app.normal_email(p_email text)
returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- NFC again at the end: a small letter and its accent may have a character of their own where
    -- the capital letter has none (J with caron). ASCII first and by itself: a Turkish locale has
    -- another small i. The final sigma and the ordinary one have the same capital letter.
    return translate(
        normalize(lower(lower(normalize(p_email, nfc) collate "C") collate "default"), nfc),
        'ς', 'σ');
end;
$$;

comment on function app.normal_email(text) is
'The form in which e-mail addresses are compared: NFC in lower case. Lower case beyond ASCII depends
on the locale of the database, which scripts/deploy.sh sets to C.UTF-8: after a change of the
locale, reindex users_email_is_unique_regardless_of_case.';

commit;
