-- Deploy telemed:identity/export_my_data to pg

begin;

-- json and not jsonb, which is copied as a whole whenever it becomes a part of something larger:
-- the export of a doctor with 35,000 slots took three times as long.
create type api.data_exports as (exported_at timestamptz, tables json);

comment on type api.data_exports is
'All that is stored about the caller. tables: an object with an array of rows for the name of each
table, without secrets: the account, the sessions and so on; of a patient the consultations with
their prescriptions and payments; of a doctor the slots and the time off. access_logs is as
api.my_access_log returns it.';

set local role telemed_internal;
create function app.stored_about(p_user_id uuid)
returns json
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_consultations constant uuid[] := array(
        select c.id from app.consultations as c where c.patient_id = p_user_id);
    v_table text;
    v_column text;
    v_secrets text[];
    v_rows json;
    v_names text[] := array[]::text[];
    v_tables json[] := array[]::json[];
begin
    -- From the catalog, so that a new table and a new column are in the export. Of several columns
    -- the first of this list says whom a row is about: a consultation is about its patient.
    for v_table, v_column, v_secrets in
        select
            c.relname::text,
            k.column_name,
            array(
                select a.attname::text
                from pg_attribute as a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                  and a.attname ~ 'hash|secret|token|password|digest|fingerprint|requested_from')
        from pg_class as c
        cross join lateral (
            select a.attname::text
            from unnest('{patient_id,user_id,consultation_id,doctor_id}'::text[])
                with ordinality as n (name, position)
            inner join pg_attribute as a
                on a.attrelid = c.oid and a.attname = n.name and not a.attisdropped
            order by n.position limit 1
        ) as k (column_name)
        where c.relnamespace = 'app'::regnamespace
          and c.relkind in ('r', 'p')
          and not c.relispartition
          -- user_id is there whoever made the entry; events repeat the past of the other rows.
          -- Consultations: see below.
          and c.relname not in (
              'audit_logs', 'access_logs', 'events', 'latest_events', 'consultations')
        order by c.relname
    loop
        execute format(
            'select coalesce(json_agg(to_jsonb(r) - $1 order by r), ''[]'') from app.%I as r '
            'where r.%I = any ($2)', v_table, v_column)
        into v_rows
        using
            v_secrets || '{response}'::text[],
            case v_column when 'consultation_id' then v_consultations else array[p_user_id] end;
        v_names := v_names || v_table;
        v_tables := v_tables || v_rows;
    end loop;

    return (
        select json_object_agg(t.name, t.rows order by t.name)
        from (
            select n.name, n.rows from unnest(v_names, v_tables) as n (name, rows)
            union all
            select 'users', to_json(array(
                select to_jsonb(u) - '{password_hash,mfa_secret}'::text[]
                from app.users as u where u.id = p_user_id))
            union all
            select 'consultations', to_json(array(
                select
                    to_jsonb(c) - '{completion_digest,patient_role}'::text[]
                    || jsonb_build_object('doctor_name', d.full_name)
                from app.consultations as c
                inner join app.doctors as d on d.user_id = c.doctor_id
                where c.patient_id = p_user_id
                order by c.id))
            union all
            select 'prescription_items', to_json(array(
                select to_jsonb(i)
                from app.prescription_items as i
                inner join app.prescriptions as p on p.id = i.prescription_id
                where p.consultation_id = any (v_consultations)
                order by i.prescription_id, i.position))
            union all
            select 'access_logs', to_json(array(
                select to_jsonb(r)
                from app.reads_about(p_user_id, null, null) as r order by r.id desc))
        ) as t);
end;
$$;

comment on function app.stored_about(uuid) is
'All rows about a user, see api.data_exports: of each table that names a patient, a user, a
consultation or a doctor. Not in it are refresh tokens (secrets), counts of failed log-ins (they
name no user), the audit log and the events (the past of these rows), what the user has read or was
refused (the access log has who has read data of the user instead), and the answers under
idempotency keys (copies of these rows).';
reset role;

create function api.export_my_data()
returns api.data_exports
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_export api.data_exports := (app.clock(), app.stored_about(v_actor.user_id));
begin
    perform app.record_read('export_my_data', array[v_actor.user_id]);
    return v_export;
end;
$$;

comment on function api.export_my_data() is
'All that is stored about the caller, for them to keep or to take elsewhere (Regulation (EU)
2016/679, Articles 15 and 20): see api.data_exports. The access log records it. Raises TM101, TM102,
TM302.';

grant execute on function api.export_my_data() to telemed_api, telemed_dba;

commit;
