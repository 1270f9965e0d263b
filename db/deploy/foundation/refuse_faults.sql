-- Deploy telemed:foundation/refuse_faults to pg

begin;

create type app.fault as (field text, code text, detail text);

comment on type app.fault is
'What is wrong with one field of a request: its name, a code of db/errors.md, and a sentence for
people.';

create function app.refuse_faults(p_faults app.fault[])
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if cardinality(p_faults) > 0 then
        raise exception using
            errcode = p_faults[1].code, message = p_faults[1].detail, column = p_faults[1].field,
            detail = jsonb_build_object('faults', p_faults);
    end if;
end;
$$;

comment on function app.refuse_faults(app.fault[]) is
'Refuses a request with several wrong fields at once: raises the code and the sentence of the first
fault, with all faults in the DETAIL, a JSON object. Does nothing without a fault.';

commit;
