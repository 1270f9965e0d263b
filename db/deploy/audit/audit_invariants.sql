-- Deploy telemed:audit/audit_invariants to pg

begin;

set local role telemed_internal;

create function app.audit_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set bytea_output = hex
as $$
declare
    v_first uuid := app.first_id_since(p_since);
    -- A day more, because a clock may have been set back. It keeps older partitions out.
    v_logged timestamptz := coalesce(p_since, '-infinity') - interval '24 hours';
begin
    -- app.record_change writes rows with the time zone and the bytea_output of this function. The
    -- audit log does not have a column that was added later.
    return query
    select
        'the_newest_version_of_a_row_has_its_audit_row',
        'The newest audit row of every consultation, slot, payment and prescription with its'
        ' items shows the present row, and names the user, the database login and the request.',
        array(
            select 'prescription_items of ' || p.id
            from app.prescriptions as p
            where p.id >= v_first
              and array(
                select to_jsonb(i)
                from app.prescription_items as i
                where i.prescription_id = p.id
                order by i.position)
              is distinct from array(
                select a.new
                from app.audit_logs as a
                where a.table_name = 'prescription_items'
                  and a.row_id = p.id::text
                  and a.occurred_at >= v_logged
                order by (a.new ->> 'position')::integer)
            union all
            select 'consultations ' || r.id
            from app.consultations as r
            left join lateral (
                select a.* from app.audit_logs as a
                where a.table_name = 'consultations' and a.row_id = r.id::text
                  and a.occurred_at >= v_logged
                order by a.id desc limit 1
            ) as l on true
            where r.id >= v_first
              and (to_jsonb(r) @> l.new is not true
                   or l.user_id is null
                   or l.request_id is null)
            union all
            select 'availability_slots ' || r.id
            from app.availability_slots as r
            left join lateral (
                select a.* from app.audit_logs as a
                where a.table_name = 'availability_slots' and a.row_id = r.id::text
                  and a.occurred_at >= v_logged
                order by a.id desc limit 1
            ) as l on true
            where r.id >= v_first
              and (to_jsonb(r) @> l.new is not true
                   or l.user_id is null
                   or l.request_id is null)
            union all
            select 'payments ' || r.id
            from app.payments as r
            left join lateral (
                select a.* from app.audit_logs as a
                where a.table_name = 'payments' and a.row_id = r.id::text
                  and a.occurred_at >= v_logged
                order by a.id desc limit 1
            ) as l on true
            where r.id >= v_first
              and (to_jsonb(r) @> l.new is not true
                   or l.user_id is null
                   or l.request_id is null)
            union all
            select 'prescriptions ' || r.id
            from app.prescriptions as r
            left join lateral (
                select a.* from app.audit_logs as a
                where a.table_name = 'prescriptions' and a.row_id = r.id::text
                  and a.occurred_at >= v_logged
                order by a.id desc limit 1
            ) as l on true
            where r.id >= v_first
              and (to_jsonb(r) @> l.new is not true
                   or l.user_id is null
                   or l.request_id is null));

    return query
    select
        'logs_are_in_the_partition_of_their_month',
        'No row of the logs is in a default partition: ops.create_partitions ran in time.',
        array(
            select 'app.audit_logs_default'
            where exists (select from app.audit_logs_default)
            union all
            select 'app.access_logs_default'
            where exists (select from app.access_logs_default));
end;
$$;

comment on function app.audit_invariants(timestamptz) is
'The invariants of audit, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
