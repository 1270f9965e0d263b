-- Deploy telemed:audit/record_read to pg

begin;

create function app.record_read(p_operation text, p_consultation_ids uuid[])
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if cardinality(p_consultation_ids) > 0 then
        insert into app.access_logs (kind, operation, resource_ids)
        values ('read', p_operation, p_consultation_ids);
    end if;
end;
$$;

comment on function app.record_read(text, uuid[]) is
'Writes to the access log that the verified caller, who is not the patient, reads clinical data of
p_consultation_ids (45 CFR 164.312(b)). An empty array writes nothing.';

commit;
