-- Deploy telemed:audit/list_audit_logs to pg

begin;

set local role telemed_internal;
create function app.subject_of_change(p_table_name text, p_row jsonb)
returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return case
        when p_table_name in ('consultations', 'users') then (p_row ->> 'id')::uuid
        when p_table_name = 'prescription_items' then (
            select p.consultation_id from app.prescriptions as p
            where p.id = (p_row ->> 'prescription_id')::uuid)
        else coalesce(
            (p_row ->> 'consultation_id')::uuid, (p_row ->> 'patient_id')::uuid,
            (p_row ->> 'user_id')::uuid)
    end;
end;
$$;

comment on function app.subject_of_change(text, jsonb) is
'What a row of the audit log is about, for the access log: the consultation or else the user that a
version of a row (p_row) of a table belongs to; null for rows such as slots and settings.';
reset role;

create function api.list_audit_logs(
    p_table_name text default null,
    p_row_id text default null,
    p_user_id uuid default null,
    p_operation text default null,
    p_request_id text default null,
    p_from timestamptz default null,
    p_to timestamptz default null,
    p_order text default '-occurred_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.audit_logs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_ascending boolean;
    v_list text;
    v_after bigint;
    v_page bigint[];
begin
    perform app.require_role('admin');
    v_is_ascending := app.is_ascending(p_order, '-occurred_at');
    v_list := 'list_audit_logs' || case when v_is_ascending then ' occurred_at' else '' end;
    v_after := (app.cursor_position(v_list, p_cursor) ->> 0)::bigint;
    perform app.check_limit(p_limit);
    -- One query for each direction, so that each reads the index in its order.
    if v_is_ascending then
        v_page := array(
            select l.id
            from api.audit_logs as l
            where (p_table_name is null or l.table_name = p_table_name)
              and (p_row_id is null or l.row_id = p_row_id)
              and (p_user_id is null or l.user_id = p_user_id)
              and (p_operation is null or l.operation = p_operation)
              and (p_request_id is null or l.request_id = p_request_id)
              and (p_from is null or l.occurred_at >= p_from)
              and (p_to is null or l.occurred_at < p_to)
              and (v_after is null or l.id > v_after)
            order by l.id
            limit p_limit + 1);
    else
        v_page := array(
            select l.id
            from api.audit_logs as l
            where (p_table_name is null or l.table_name = p_table_name)
              and (p_row_id is null or l.row_id = p_row_id)
              and (p_user_id is null or l.user_id = p_user_id)
              and (p_operation is null or l.operation = p_operation)
              and (p_request_id is null or l.request_id = p_request_id)
              and (p_from is null or l.occurred_at >= p_from)
              and (p_to is null or l.occurred_at < p_to)
              and (v_after is null or l.id < v_after)
            order by l.id desc
            limit p_limit + 1);
    end if;
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);
    v_page := v_page[:p_limit];
    -- Rows of the audit log contain data of patients: to read a row is to read what it is about.
    perform app.record_read('list_audit_logs', array(
        select distinct a.id
        from api.audit_logs as l
        cross join lateral app.subject_of_change(
            l.table_name, coalesce(l.new, l.old)) as a (id)
        where l.id = any (v_page) and a.id is not null));
    return query
    select l.* from api.audit_logs as l where l.id = any (v_page)
    order by case when v_is_ascending then l.id end, l.id desc;
end;
$$;

comment on function api.list_audit_logs(
    text, text, uuid, text, text, timestamptz, timestamptz, text, integer, text) is
'Returns rows of the audit log, the newest first; each filter that is not null applies. p_operation:
INSERT, UPDATE or DELETE; p_from and p_to: a half-open range of time. p_order: -occurred_at, or
occurred_at for the oldest first. p_limit: 1 to 1000 rows; p_cursor: app.next_cursor of the page
before. For admins; the access log records the consultations and the users that the page is about.
Raises TM101, TM102, TM201, TM301, TM302.';

grant execute on function api.list_audit_logs(
    text, text, uuid, text, text, timestamptz, timestamptz, text, integer, text)
to telemed_api, telemed_dba;

commit;
