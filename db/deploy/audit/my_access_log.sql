-- Deploy telemed:audit/my_access_log to pg

begin;

create type api.reads_of_me as (
    id bigint,
    occurred_at timestamptz,
    reader_name text,
    reader_role text,
    operation text,
    resource_ids uuid[],
    request_id text
);

comment on type api.reads_of_me is
'A read of data of the caller. reader_role: the role of the reader at that time, or dba for a DBA,
also for one who acted as a user; reader_name: null for a DBA. operation: the function of api or
ops; resource_ids: the consultations that were read, and the id of the caller where the read was
about the account.';

set local role telemed_internal;
create function app.reads_about(p_user_id uuid, p_before bigint, p_limit integer)
returns setof api.reads_of_me
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_ids uuid[] := array(
        select c.id from app.consultations as c where c.patient_id = p_user_id) || p_user_id;
begin
    -- MATERIALIZED, because the planner would otherwise walk through the access log of all users in
    -- the order of the page.
    return query
    with found as materialized (
        select l.*
        from app.access_logs as l
        where l.kind = 'read' and l.resource_ids && v_ids
        union all
        select l.*
        from app.access_logs as l
        where l.kind = 'act_as' and l.user_id = p_user_id
    ), page as materialized (
        select f.* from found as f
        where p_before is null or f.id < p_before
        order by f.id desc limit p_limit
    )
    select
        l.id,
        l.occurred_at::timestamptz,
        case when not d.is_dba then p.full_name::text end,
        case when d.is_dba then 'dba' else l.role::text end,
        l.operation::text,
        case l.kind
            when 'act_as' then array[p_user_id]
            else array(select r.id from unnest(l.resource_ids) as r (id) where r.id = any (v_ids))
        end,
        l.request_id::text
    from page as l
    left join app.profiles as p on p.user_id = l.user_id
    cross join lateral (
        -- ops.act_as writes its entry in the transaction of the read: under the same request id
        -- and by the same database login. A client of the REST API can choose a request id that it
        -- has read in its own access log, but not the login.
        select case
            when l.user_id is null then true
            when l.request_id like 'psql-%' then exists (
                select from app.access_logs as a
                where a.kind = 'act_as' and a.user_id = l.user_id and a.request_id = l.request_id
                  and a.database_login = l.database_login
                  and a.id <= l.id
                  and a.occurred_at between l.occurred_at - interval '1 day' and l.occurred_at)
            else false
        end as is_dba
    ) as d
    order by l.id desc;
end;
$$;

comment on function app.reads_about(uuid, bigint, integer) is
'The newest p_limit reads of the data of a user, of which the ids are below p_before (null: no
bound): of the consultations of which the user is the patient, and of the account. Entries that name
data of several patients are cut down to that of the user.';
reset role;

create function api.my_access_log(p_limit integer default 50, p_cursor text default null)
returns setof api.reads_of_me
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_before bigint := (app.cursor_position('my_access_log', p_cursor) ->> 0)::bigint;
    v_page api.reads_of_me[];
begin
    perform app.check_limit(p_limit);
    v_page := array(select r from app.reads_about(v_actor.user_id, v_before, p_limit + 1) as r);
    perform app.set_next_cursor(
        'my_access_log',
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit].id) end);
    perform app.record_read('my_access_log', array[v_actor.user_id]);
    return query
    select p.* from unnest(v_page[:p_limit]) as p;
end;
$$;

comment on function api.my_access_log(integer, text) is
'Who has read the data of the caller, the newest read first: the consultations of which the caller
is the patient, with their prescriptions and payments, and the account. Reads by the caller are left
out, except those of this list and of an export, which are recorded as well. Entries are kept for
three years or longer (Regulation (EU) 2025/327, Article 9; see ops.drop_partitions). p_limit: 1 to
1000 rows. p_cursor: app.next_cursor of the previous page. Raises TM101, TM102, TM201, TM302.';

grant execute on function api.my_access_log(integer, text) to telemed_api, telemed_dba;

commit;
