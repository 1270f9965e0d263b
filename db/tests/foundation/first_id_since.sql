begin;
select plan(3);

select app.first_id_since(null) = '00000000-0000-7000-8000-000000000000' as of_all,
    app.first_id_since(clock_timestamp() + interval '1 minute') >= app.uuid_v7() as is_above,
    app.first_id_since(clock_timestamp() - interval '1 minute') <= app.uuid_v7() as is_below \gset
select is(:'of_all'::boolean, true, 'the smallest id of all is the result for null');
select is(:'is_above'::boolean and :'is_below'::boolean, true,
    'an id made later is larger, an id made before is smaller');
select is(
    app.first_id_since('294276-12-31 23:59:59.999999+00'), 'ffffffff-ffff-7000-8000-000000000000',
    'after the year 10889, whose milliseconds fill an id, the result stays the same');

select * from finish();
rollback;
