-- Deploy telemed:foundation/clock to pg

begin;

create function app.clock()
returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select pg_catalog.statement_timestamp();
$$;

comment on function app.clock() is
'The present time, equal throughout one statement of the client. Tests replace this function inside
their own transaction; there is no other switch for the time.';

commit;
