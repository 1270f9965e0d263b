-- Deploy telemed:audit/record_read to pg

begin;

create function app.record_read(p_operation text, p_resource_ids uuid[])
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if cardinality(p_resource_ids) > 0 then
        insert into app.access_logs (kind, operation, resource_ids)
        values ('read', p_operation, p_resource_ids);
    end if;
end;
$$;

comment on function app.record_read(text, uuid[]) is
'Writes to the access log that the verified caller reads data of others (45 CFR 164.312(b);
Regulation (EU) 2025/327, Article 9): p_resource_ids are the consultations, and the users where the
data is about an account. A function that answers somebody other than the patient calls it. An empty
array writes nothing.';

commit;
