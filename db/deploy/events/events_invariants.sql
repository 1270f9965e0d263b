-- Deploy telemed:events/events_invariants to pg

begin;

set local role telemed_internal;

create function app.events_kept_since()
returns timestamptz
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    return (
        select min(to_date(substring(c.relname, '[0-9]{4}_[0-9]{2}$'), 'YYYY_MM'))::timestamptz
        from pg_inherits as i
        inner join pg_class as c on c.oid = i.inhrelid
        where i.inhparent = 'app.events'::regclass and c.relname <> 'events_default');
end;
$$;

comment on function app.events_kept_since() is
'The first instant of the oldest month (UTC) of which events are kept: ops.drop_partitions has
dropped the months before, or the database is younger.';

create function app.events_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first uuid := app.first_id_since(p_since);
    -- A day more, because a clock may have been set back. It keeps older partitions out.
    v_logged timestamptz := coalesce(p_since, '-infinity') - interval '24 hours';
    v_kept timestamptz := app.events_kept_since();
    v_origin bigint := (select o.first_id from app.event_origin as o);
    v_dropped bigint := (select o.dropped_id from app.event_origin as o);
begin
    return query
    select
        'events_of_a_consultation_lead_to_its_present_state',
        'The events of every consultation, one after the other, give its slot, its time, its fee'
        ' and its status: a booking, reschedules from one slot to the next, then at most one end.',
        array(
            select coalesce(c.id, l.consultation_id)::text
            from (select n.* from app.consultations as n where n.id >= v_first) as c
            full join (
                select
                    step.consultation_id,
                    bool_and(step.is_right) as are_right,
                    min(step.sequence_number) as first_number,
                    (array_agg(step.state order by step.sequence_number desc))[1] as state
                from (
                    select
                        e.consultation_id,
                        e.sequence_number,
                        s.state,
                        case
                            -- The events before were dropped with their month.
                            when lag(s.state) over steps is null and e.sequence_number > 1
                                then true
                            when e.type = 'consultation.booked' then
                                lag(s.state) over steps is null
                                and e.data ->> 'status' = 'scheduled'
                            when e.type = 'consultation.rescheduled' then
                                lag(s.state) over steps ->> 'status' = 'scheduled'
                                and e.data ->> 'status' = 'scheduled'
                                and lag(s.state) over steps -> 'slot_id'
                                    = e.data -> 'former_slot_id'
                                and e.data ->> 'former_slot_id' <> e.slot_id::text
                            else
                                lag(s.state) over steps || jsonb_build_object(
                                    'status', split_part(e.type, '.', 2)) = s.state
                                and lag(s.state) over steps ->> 'status' = 'scheduled'
                        end as is_right
                    from app.events as e
                    cross join lateral (
                        select jsonb_build_object(
                            'slot_id', e.slot_id, 'doctor_id', e.doctor_id,
                            'patient_id', e.patient_id, 'status', e.data ->> 'status',
                            'starts_at', (e.data ->> 'starts_at')::timestamptz,
                            'ends_at', (e.data ->> 'ends_at')::timestamptz,
                            'fee_minor', e.data -> 'fee_minor', 'currency', e.data ->> 'currency')
                    ) as s (state)
                    where e.type in (
                        'consultation.booked', 'consultation.rescheduled',
                        'consultation.cancelled', 'consultation.completed')
                      and e.consultation_id >= v_first
                      and e.occurred_at >= v_logged
                    window steps as (partition by e.consultation_id order by e.sequence_number)
                ) as step
                group by step.consultation_id
            ) as l on l.consultation_id = c.id
            where (l.state is distinct from jsonb_build_object(
                'slot_id', c.slot_id, 'doctor_id', c.doctor_id, 'patient_id', c.patient_id,
                'status', c.status, 'starts_at', c.starts_at::timestamptz,
                'ends_at', c.ends_at::timestamptz, 'fee_minor', c.fee_minor,
                'currency', c.currency)
               or l.are_right is not true
               or (l.first_number > 1 and c.created_at >= v_kept))
              -- All of its events were dropped with their months.
              and not (
                  l.state is null and v_dropped > 0 and c.updated_at < v_kept
                  and exists (
                      select from app.latest_events as e where e.consultation_id = c.id)));

    return query
    select
        'events_of_a_consultation_are_numbered_in_their_order',
        'The events of a consultation have the numbers 1, 2, 3 and so on without a gap, in the'
        ' order of readers. Each names the one before; app.latest_events has the newest.',
        array(
            select coalesce(n.consultation_id, l.consultation_id)::text
            from (
                select a.* from app.latest_events as a where a.consultation_id >= v_first
            ) as l
            full join (
                select
                    e.consultation_id,
                    max(e.sequence_number) as last_number,
                    max(e.id) as last_id,
                    bool_and(e.follows) as follow
                from (
                    select
                        o.*,
                        lag(o.id) over in_order is null
                        or (
                            o.predecessor_id = lag(o.id) over in_order
                            and o.sequence_number = lag(o.sequence_number) over in_order + 1
                            and o.id > lag(o.id) over in_order
                            and (o.transaction_id >= lag(o.transaction_id) over in_order
                                 or lag(o.id) over in_order < v_origin)) as follows
                    from app.events as o
                    where o.consultation_id >= v_first and o.occurred_at >= v_logged
                    window in_order as (partition by o.consultation_id order by o.sequence_number)
                ) as e
                group by e.consultation_id
            ) as n on n.consultation_id = l.consultation_id
            where (n.follow is not true
                   or (n.last_number, n.last_id) is distinct from (l.sequence_number, l.event_id))
              -- Its newest event was dropped with its month.
              and not (n.consultation_id is null and l.event_id <= v_dropped));

    return query
    select
        'every_payment_and_prescription_has_its_event',
        'Every payment, refund and prescription that was made after the first event of its'
        ' consultation has its own event.',
        array(
            select format('%s %s', r.name, r.id)
            from (
                select 'payment' as name, p.id, p.consultation_id, p.created_at as made_at,
                    p.kind || '.recorded' as type, 'payment_id' as field
                from app.payments as p where p.id >= v_first
                union all
                select 'prescription', p.id, p.consultation_id, p.issued_at,
                    'prescription.issued', 'prescription_id'
                from app.prescriptions as p where p.id >= v_first
            ) as r
            where r.made_at >= (
                select min(e.occurred_at) from app.events as e
                where e.consultation_id = r.consultation_id)
              and not exists (
                select from app.events as e
                where e.consultation_id = r.consultation_id
                  and e.type = r.type
                  and e.data ->> r.field = r.id::text));

    return query
    select
        'events_are_in_the_partition_of_their_month',
        'No event is in the default partition: ops.create_partitions ran in time.',
        array(
            select 'app.events_default'
            where exists (select from app.events_default));

    return query
    select
        'no_month_of_events_was_dropped_by_hand',
        'Every month of events has its partition, from the first that ops.drop_partitions has kept'
        ' to the newest: readers do not miss a month without being told.',
        array(
            select 'app.events' || to_char(m, '_YYYY_MM')
            from app.missing_months_of_events() as m order by m);

    return query
    select
        'no_sequence_is_behind_its_column',
        'Every sequence of events, logs and jobs has drawn the highest number of its column: no'
        ' number is drawn twice.',
        array(select s.sequence_name from app.lagging_sequences() as s);
end;
$$;

comment on function app.events_invariants(timestamptz) is
'The invariants of events, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
