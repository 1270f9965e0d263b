-- Deploy telemed:foundation/clock to pg

begin;

-- PL/pgSQL, like every small function on a hot path: a function in SQL whose search_path is pinned
-- cannot be inlined, and is planned again at each call.
create function app.clock()
returns timestamptz
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return pg_catalog.statement_timestamp();
end;
$$;

comment on function app.clock() is
'The present time, the same throughout one statement of the client. Tests replace this function in
their own transaction; nothing else can change the time.';

commit;
