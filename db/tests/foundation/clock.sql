begin;
select plan(3);

select is(app.clock(), statement_timestamp(), 'clock: the time is that of the statement');
select is(
    (select count(distinct app.clock()) from generate_series(1,
     3) as n where pg_sleep(0.01) is not null),
    1::bigint, 'clock: the time is the same throughout one statement');

select app.clock() as earlier \gset
select cmp_ok(app.clock(), '>', :'earlier',
    'clock: the time advances from one statement to the next in a transaction');

select * from finish();
rollback;
