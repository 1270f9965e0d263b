-- Deploy telemed:replicas/has_replayed to pg

begin;

-- Stable, so that it sees the snapshot of the statement that calls it, and with it exactly what
-- the rest of the statement reads. A place in the WAL would not do: what was replayed after the
-- snapshot was taken is not in it. Every transaction before xmin has ended; of the later ones a
-- standby does not say which are in the snapshot.
create function api.has_replayed(p_read_after text, p_most_seconds integer)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_position text[] := regexp_match(p_read_after, '^([0-9]+-[0-9]+)-([0-9]{1,18})$');
    v_age interval;
begin
    perform app.forget_actor();
    perform app.proven_context();
    v_age := clock_timestamp() - pg_last_xact_replay_timestamp();
    if not pg_is_in_recovery()
        or coalesce(v_age > make_interval(secs => p_most_seconds), true) then
        return false;
    elsif p_read_after is null then
        return true;
    end if;
    return coalesce(
        v_position[2]::xid8 < pg_snapshot_xmin(pg_current_snapshot())
        -- The number of a transaction means nothing on a server to which a clinic was moved. The
        -- timeline is that of the last restart point: after a failover, false until this standby
        -- has written one on the new timeline. One that stayed behind on the old one never does.
        and v_position[1] = (
            select format('%s-%s', s.system_identifier, c.timeline_id)
            from pg_control_system() as s
            cross join pg_control_checkpoint() as c),
        false);
end;
$$;

comment on function api.has_replayed is
'Whether the present statement may read here in place of the primary: this server is a standby, the
newest transaction that it has replayed is at most p_most_seconds old, and the statement sees
everything up to p_read_after, a position of api.read_position; null without one. False for a
malformed position and for one of another server or timeline. A caller need not be logged in. Raises
TM101.';

grant execute on function api.has_replayed to telemed_api, telemed_dba;

commit;
