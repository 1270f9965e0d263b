-- Deploy telemed:events/event_origin to pg

begin;

create table app.event_origin (
    only_row boolean primary key default true,
    system_identifier bigint not null,
    first_id bigint not null default 1,
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
            first_id = nextval('app.events_id_seq')
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

commit;
