-- Deploy telemed:operations/row_history to pg

begin;

create type ops.row_versions as (
    valid_from timestamptz,
    valid_until timestamptz,
    operation text,
    "row" jsonb,
    user_id uuid,
    role text,
    database_login text,
    request_id text,
    audit_id bigint
);

comment on type ops.row_versions is
'A version of a row: its values from valid_from until valid_until (null: up to now), and the caller
and the request of the change that made it. row is null after a delete.';

set local role telemed_internal;
create function ops.row_history(p_table text, p_row_id text, p_at timestamptz default null)
returns setof ops.row_versions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    if p_table is null or not exists (
        select from pg_trigger as t
        inner join pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = 'app'::regnamespace
          and c.relname = p_table
          and t.tgfoid = 'app.record_change'::regproc)
    then
        raise exception 'Give a table of the schema app that has an audit log, not %',
            coalesce(p_table, 'null')
            using errcode = 'TM201', column = 'table';
    end if;
    -- Past versions are data of a patient too, so reading them is written to the access log.
    insert into app.access_logs (kind, operation, resource_ids)
    select 'read', 'row_history', array_agg(distinct a.id)
    from app.changes_of_row(p_table, p_row_id) as l
    cross join lateral app.subject_of_change(p_table, coalesce(l.new, l.old)) as a (id)
    where a.id is not null
    having count(*) > 0;

    return query
    select v.*
    from (
        select
            l.occurred_at::timestamptz as valid_from,
            lead(l.occurred_at::timestamptz) over (order by l.id) as valid_until,
            l.operation,
            l.new,
            l.user_id,
            l.role::text,
            l.database_login::text,
            l.request_id::text,
            l.id
        from app.changes_of_row(p_table, p_row_id) as l
    ) as v
    where p_at is null
       or (v.valid_from <= p_at and (v.valid_until > p_at or v.valid_until is null))
    order by v.id;
end;
$$;

comment on function ops.row_history(text, text, timestamptz) is
'Returns the versions of a row from the audit log: all of them, the oldest first, or only the one
that was in force at p_at. p_table: a table of the schema app, without the schema; p_row_id: the
row_id in the audit log, which is the primary key; for prescription_items the id of the
prescription, which gives the versions of all its items. Columns that hold secrets are left out. A
call about data of a user is written to the access log. Raises TM201.';

grant execute on function ops.row_history(text, text, timestamptz) to telemed_dba;

commit;
