begin;
select plan(5);

select lives_ok(
    $$ select app.refuse_faults('{}') $$, 'refuse_faults: a request without a fault is accepted');
select lives_ok(
    $$ select app.refuse_faults(null) $$, 'refuse_faults: a null list of faults is accepted');

create function pg_temp.refused()
returns table (code text, message text, field text, faults jsonb) language plpgsql
as $$
declare
    v_details text;
begin
    perform app.refuse_faults(array[
        row('to', 'TM202', 'The period ends before it begins'),
        row('time_zone', 'TM204', 'The time zone is unknown')]::app.fault[]);
exception when others then
    get stacked diagnostics
        code = returned_sqlstate, message = message_text, field = column_name,
        v_details = pg_exception_detail;
    faults := v_details::jsonb;
    return next;
end;
$$;

select is(r.code || ' ' || r.field, 'TM202 to',
    'refuse_faults: the refusal has the code and the field of the first fault')
from pg_temp.refused() as r;
select is(r.message, 'The period ends before it begins',
    'refuse_faults: the refusal has the sentence of the first fault')
from pg_temp.refused() as r;
select is(
    r.faults,
    '{"faults": [
        {"field": "to", "code": "TM202", "detail": "The period ends before it begins"},
        {"field": "time_zone", "code": "TM204", "detail": "The time zone is unknown"}]}'::jsonb,
    'refuse_faults: the DETAIL has all faults in their order')
from pg_temp.refused() as r;

select * from finish();
rollback;
