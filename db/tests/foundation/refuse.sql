begin;
select plan(6);

create temp table trace (note text) on commit drop;

create function pg_temp.refuse()
returns text language plpgsql
as $$
begin
    insert into trace values ('what a refusal leaves');
    perform app.refuse('TM901', 'The slot is not open');
    return 'went on';
end;
$$;

select is(pg_temp.refuse(), 'went on',
    'refuse: a refusal that is committed does not stop the function');
select is((select count(*) from trace), 1::bigint,
    'refuse: a refusal that is committed keeps what was written before it');

set local app.refusals = 'raise';
select throws_ok(
    'select pg_temp.refuse()', 'TM901', 'The slot is not open',
    'refuse: with app.refusals = raise the refusal is an error with the same code');
select is((select count(*) from trace), 1::bigint,
    'refuse: with app.refusals = raise nothing is kept of what was written');

set local app.refusals = '';
select lives_ok('select pg_temp.refuse()',
    'refuse: with app.refusals empty the refusal is a warning again');
select ok(
    p.proconfig @> '{client_min_messages=notice}',
    'refuse: a client that hides warnings gets the refusal nevertheless')
from pg_proc as p where p.oid = 'app.refuse(text, text, jsonb)'::regprocedure;

select * from finish();
rollback;
