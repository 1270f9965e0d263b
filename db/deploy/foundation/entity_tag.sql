-- Deploy telemed:foundation/entity_tag to pg

begin;

-- The REST API hashes the bytes of an answer in the same way: api/entity_tags.py. Its transactions
-- have the time zone UTC; the `set` clause gives a DBA with another one the same text.
create function app.entity_tag(p_row anyelement)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
    select left(encode(sha256(convert_to(
        replace(to_json(p_row)::text, '+00:00"', 'Z"'), 'UTF8')), 'hex'), 32)
$$;

comment on function app.entity_tag(anyelement) is
'The entity tag of a row that a function of api returns: the beginning of the SHA-256 hash of its
JSON with Z for the time zone UTC, in hex. It changes if and only if a value of the row changes.';

commit;
