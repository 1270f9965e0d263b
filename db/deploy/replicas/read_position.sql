-- Deploy telemed:replicas/read_position to pg

begin;

create function api.read_position()
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    perform app.proven_context();
    if pg_is_in_recovery() then
        return null;
    end if;
    -- The number of the transaction, and not a place in the WAL: a place that the writing statement
    -- can read is before its COMMIT. Without a write of its own, everything that is committed.
    return format(
        '%s-%s-%s',
        (select s.system_identifier from pg_control_system() as s),
        ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer,
        coalesce(
            pg_current_xact_id_if_assigned()::text,
            (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text));
end;
$$;

comment on function api.read_position is
'The position of what the present transaction has written, and of everything that was committed
before it: the system identifier of the server, its timeline and the number of a transaction, such
as 7451090123456789012-1-84213. Null on a standby. Call it after the write; api.has_replayed
compares it. A caller need not be logged in. Raises TM101.';

grant execute on function api.read_position to telemed_api, telemed_dba;

commit;
