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
'What a row was from valid_from until valid_until (null: up to now), and who made it so. row is null
after a deletion.';

set local role telemed_internal;
create function ops.row_history(p_table text, p_row_id text, p_at timestamptz default null)
returns setof ops.row_versions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid;
begin
    perform app.forget_actor();
    if p_table is null or not exists (
        select from pg_trigger as t
        inner join pg_class as c on c.oid = t.tgrelid
        where c.relnamespace = 'app'::regnamespace
          and c.relname = p_table
          and t.tgfoid = 'app.record_change'::regproc)
    then
        raise exception 'There is no table % with an audit trail', p_table
            using errcode = 'TM201', column = 'table';
    end if;
    -- Whoever reads the past of a patient's row reads about the patient.
    if p_row_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        v_id := p_row_id::uuid;
        insert into app.access_logs (kind, operation, resource_ids)
        select 'read', 'row_history', array[r.id]
        from (
            select v_id as id where p_table = 'consultations'
            union all
            select p.consultation_id from app.prescriptions as p
            where p_table in ('prescriptions', 'prescription_items') and p.id = v_id
        ) as r;
    end if;

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
'What a row was at any time, from the audit trail: all its versions, the oldest first, or only the
one of p_at. p_table: a table of the schema app, without it; p_row_id: the row_id in the trail,
which is the primary key (of prescription_items the prescription, whose items then all have their
versions). Columns that hold secrets are not in the trail. Reading about a consultation is written
to the access log. Raises TM201.';

grant execute on function ops.row_history(text, text, timestamptz) to telemed_dba;

commit;
