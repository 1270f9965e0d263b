-- Deploy telemed:audit/audit_row_hash to pg

begin;

create function app.audit_row_hash(p_log app.audit_logs)
returns bytea
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return sha256(convert_to(
        jsonb_build_array(
            p_log.id,
            (extract(epoch from p_log.occurred_at) * 1000000)::bigint,
            p_log.table_name,
            p_log.row_id,
            p_log.operation,
            p_log.old,
            p_log.new,
            p_log.user_id,
            p_log.role,
            p_log.database_login,
            p_log.request_id)::text,
        'UTF8'));
end;
$$;

comment on function app.audit_row_hash(app.audit_logs) is
'Returns the SHA-256 (FIPS 180-4) over a row of the audit log: over the UTF-8 of a JSON array, as
PostgreSQL prints jsonb, of id, microseconds since 1970, table_name, row_id, operation, old, new,
user_id, role, database_login and request_id. docs/audit.md shows how to compute it elsewhere.';

create function app.audit_logs_have_their_hash()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    new.row_hash := app.audit_row_hash(new);
    return new;
end;
$$;

comment on function app.audit_logs_have_their_hash() is
'Trigger: stores the hash of a new row of the audit log. A row that ops.create_partitions moves to
another partition keeps the hash that it has.';

create trigger audit_logs_have_their_hash
before insert on app.audit_logs
for each row when (new.row_hash is null) execute function app.audit_logs_have_their_hash();

commit;
