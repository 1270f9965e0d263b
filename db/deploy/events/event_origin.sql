-- Deploy telemed:events/event_origin to pg

begin;

create table app.event_origin (
    only_row boolean primary key default true,
    system_identifier bigint not null,
    first_id bigint not null default 1,
    first_month date not null default date_trunc('month', now() at time zone 'UTC'),
    dropped_id bigint not null default 0,
    dropped_transaction_id xid8 not null default '0',
    drops integer not null default 0,
    constraint event_origin_has_one_row check (only_row),
    constraint event_origin_first_id_is_above_zero check (first_id > 0)
);

comment on table app.event_origin is
'Which events have a transaction_id of the present cluster, in one row. A dump that is restored into
another cluster brings numbers of transactions that this cluster has not reached or gives again.';
comment on column app.event_origin.system_identifier is
'pg_control_system() of the cluster in which events are written.';
comment on column app.event_origin.first_id is
'The first event with a transaction_id of that cluster. Readers get all events before it first, by
their id alone.';
comment on column app.event_origin.first_month is
'The first month (UTC) that has to have its partition, as have all later ones: ops.drop_partitions
moves it, and a deployment begins with the present month.';
comment on column app.event_origin.dropped_id is
'The highest id of an event that ops.drop_partitions has dropped; 0 if none was.';
comment on column app.event_origin.dropped_transaction_id is
'The highest transaction_id of that cluster of an event that was dropped; 0 if none was. A reader
whose place is before these two has missed events, unless it began after they were dropped.';
comment on column app.event_origin.drops is
'How often events were dropped. A cursor has the number of when its reader began.';

create trigger event_origin_is_never_deleted
before delete on app.event_origin
for each row execute function app.rows_are_append_only();

create trigger event_origin_is_never_truncated
before truncate on app.event_origin
for each statement execute function app.rows_are_append_only();

alter table app.event_origin enable row level security;
alter table app.event_origin force row level security;
create policy event_origin_is_internal on app.event_origin to telemed_internal using (true);

set local role telemed_internal;
insert into app.event_origin (system_identifier)
select s.system_identifier from pg_control_system() as s;

create function app.first_event_of_cluster()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_cluster bigint := (select s.system_identifier from pg_control_system() as s);
    v_origin app.event_origin;
begin
    select o.* into strict v_origin from app.event_origin as o;
    if v_origin.system_identifier <> v_cluster then
        -- Once after a restore. The lock waits for every transaction that has written an event, so
        -- all events before first_id are there or will never be.
        lock table app.events in share row exclusive mode;
        update app.event_origin as o
        set system_identifier = v_cluster,
            first_id = nextval('app.events_id_seq'),
            dropped_transaction_id = '0'
        where o.system_identifier <> v_cluster
        returning o.* into v_origin;
        if not found then
            select o.* into strict v_origin from app.event_origin as o;
        end if;
    end if;
    return v_origin.first_id;
end;
$$;

comment on function app.first_event_of_cluster() is
'app.event_origin.first_id. The first call after a restore into another cluster sets it to the next
id; writers of events wait for it.';

create function app.note_dropped_events(p_month date)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_first bigint := app.first_event_of_cluster();
begin
    update app.event_origin
    set drops = drops + 1,
        dropped_id = greatest(dropped_id, (
            select max(e.id) from app.events as e
            where e.occurred_at >= p_month and e.occurred_at < p_month + interval '1 month')),
        dropped_transaction_id = greatest(dropped_transaction_id, (
            select e.transaction_id from app.events as e
            where e.occurred_at >= p_month and e.occurred_at < p_month + interval '1 month'
              and e.id >= v_first
            order by e.transaction_id desc limit 1));
end;
$$;

comment on function app.note_dropped_events(date) is
'Notes which events go with a month (UTC) that is about to be dropped.';

create function app.missing_months_of_events()
returns setof date
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    with months as (
        select to_date(right(c.relname, 7), 'YYYY_MM') as month
        from pg_inherits as i
        inner join pg_class as c on c.oid = i.inhrelid
        where i.inhparent = 'app.events'::regclass and c.relname ~ '_[0-9]{4}_[0-9]{2}$'
    )
    select m::date
    from app.event_origin as o
    cross join (select max(p.month) as month from months as p) as newest
    cross join generate_series(o.first_month::timestamp, newest.month, '1 month') as m
    where m::date not in (select p.month from months as p);
end;
$$;

comment on function app.missing_months_of_events() is
'The months (UTC) of events whose partition was dropped or detached by hand: between the first and
the newest that have to be there.';

create function app.note_missing_events(p_until date)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    if exists (select from app.missing_months_of_events() as m where m < p_until) then
        -- Nobody knows any more which events went. So every reader begins again.
        update app.event_origin
        set drops = drops + 1,
            dropped_id = greatest(dropped_id, coalesce(
                (select min(e.id) from app.events as e where e.occurred_at >= p_until),
                (select s.last_value from app.events_id_seq as s))),
            dropped_transaction_id = greatest(dropped_transaction_id, pg_current_xact_id());
    end if;
    update app.event_origin set first_month = p_until where first_month < p_until;
end;
$$;

comment on function app.note_missing_events(date) is
'Notes that no month (UTC) before p_until is kept any more: those of them that were dropped by hand,
and the first that has to be there.';

create function app.require_kept_events(p_transaction_id xid8, p_id bigint, p_drops integer)
returns integer
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_origin app.event_origin;
begin
    select o.* into strict v_origin from app.event_origin as o;
    -- A kept event can come before a dropped one: it was written in a later month by a transaction
    -- that had begun earlier. So the place alone would refuse a reader that has just begun again.
    if p_drops <> v_origin.drops
        and (case
            when p_id < v_origin.first_id then p_id < v_origin.dropped_id
            else (p_transaction_id, p_id) < (v_origin.dropped_transaction_id, v_origin.dropped_id)
        end)
    then
        raise exception 'Events after the cursor are not kept any more: begin again without it'
            using errcode = 'TM211', column = 'after';
    end if;
    return coalesce(p_drops, v_origin.drops);
end;
$$;

comment on function app.require_kept_events(xid8, bigint, integer) is
'Refuses a place in the order of events if events after it may have been dropped since the reader
began. p_drops: what this function has returned for the first page of the reader, null for that
page. Raises TM211.';

commit;
