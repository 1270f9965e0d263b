begin;
\ir ../helpers/actors.psql
select plan(8);

reset role;
select is(
    pg_temp.refusal('nobody', format(
        'select app.require_clearable(%L::text[], %L)', v.clear, '{phone,language}')),
    v.refusal, 'require_clearable: ' || v.sentence)
from (values
    ('{phone}', null, 'a field that can be cleared is accepted'),
    ('{language,phone}', null, 'several fields are accepted'),
    ('{}', null, 'an empty list is accepted'),
    (null, null, 'null is accepted'),
    ('{full_name}', 'TM201 full_name', 'a field that needs a value is refused and named'),
    ('{phone,role}', 'TM201 role', 'the first refused field is named'),
    ('{phone,NULL}', 'TM201 clear', 'a null in the list is refused'),
    ('{""}', 'TM201', 'an empty name is refused')) as v (clear, refusal, sentence);

select * from finish();
rollback;
