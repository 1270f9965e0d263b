-- Deploy telemed:identity/specialties to pg

begin;

create function app.specialty_code(p_name text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_folded constant text := app.folded_text(p_name);
    v_code constant text := btrim(regexp_replace(v_folded, '[^a-z0-9]+', '_', 'g'), '_');
begin
    if v_code ~ '^[a-z]' and char_length(v_code) <= 40 and v_folded !~ '[^ -~]' then
        return v_code;
    end if;
    -- A name in another script, one that begins with a digit, or a long one.
    return 's_' || left(encode(sha256(convert_to(v_folded, 'UTF8')), 'hex'), 32);
end;
$$;

comment on function app.specialty_code(text) is
'The code of a specialty, by its name or by its code: names that differ only in case, accents,
spaces or punctuation have one code. General practice has general_practice. Null for null.';

create table app.specialties (
    code app.code primary key,
    name app.line not null
);

comment on table app.specialties is
'The list of specialties. A doctor with a new one adds it: see
app.doctors_have_a_listed_specialty.';
comment on column app.specialties.name is 'As it was written first.';

create trigger specialties_are_audited
after insert or update or delete on app.specialties
for each row execute function app.record_change('code');

create trigger specialties_are_append_only
before update or delete on app.specialties
for each row execute function app.rows_are_append_only();

create trigger specialties_are_never_truncated
before truncate on app.specialties
for each statement execute function app.rows_are_append_only();

commit;
