-- Deploy telemed:foundation/folded_text to pg

begin;

create function app.folded_text(p_text text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- One argument: the function takes the dictionary of its own schema. The final sigma and the
    -- ordinary one have the same capital letter.
    return translate(lower(extensions.unaccent(normalize(p_text, nfc))), 'ς', 'σ');
end;
$$;

comment on function app.folded_text(text) is
'A text in lower case and without accents, for searches: Král becomes kral. Stable and not
immutable, because the rules of the extension unaccent may change.';

commit;
