-- Deploy telemed:foundation/is_email to pg

begin;

create function app.is_email(p_text text)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Spaces (Zs), joiners and variation selectors of Unicode 18.0.0, as in app.is_readable.
    return p_text ~ '^[^@]+@[^@]+$'
        and app.is_readable(p_text)
        and p_text !~
            '[\u0020\u00A0\u1680\u180B-\u180D\u180F\u2000-\u200A\u200C\u200D\u202F\u205F\u3000'
            '\uFE00-\uFE0F\U000E0100-\U000E01EF]';
end;
$$;

comment on function app.is_email(text) is
'Whether a text has exactly one at sign with something on both sides of it, and no space, hidden
character, joiner or variation selector: two addresses that look alike must not differ in one.';

commit;
