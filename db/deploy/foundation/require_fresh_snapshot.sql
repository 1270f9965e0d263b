-- Deploy telemed:foundation/require_fresh_snapshot to pg

begin;

-- Sums and overlaps are checked under a lock on a parent row. The query after the lock has to see
-- what the previous holder committed; above READ COMMITTED it would see an older snapshot.
create function app.require_fresh_snapshot()
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
        raise exception 'This needs a READ COMMITTED transaction' using errcode = 'TM208';
    end if;
end;
$$;

comment on function app.require_fresh_snapshot() is
'Refuses a transaction whose statements share one snapshot (REPEATABLE READ, SERIALIZABLE). Raises
TM208.';

commit;
