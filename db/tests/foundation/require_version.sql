begin;
\ir ../helpers/actors.psql
reset role;
select plan(9);

create temp table visit (id integer, note text) on commit drop;
insert into visit values (1, 'first');
select app.entity_tag(v) as first_tag from visit as v \gset
update visit set note = 'second';
select app.entity_tag(v) as second_tag from visit as v \gset

select is(
    pg_temp.refusal('nobody', format(
        'select app.require_version(%L, v) from visit as v', v.versions)),
    v.refusal, 'require_version: ' || v.sentence)
from (values
    (array[:'second_tag'], null, 'the present version is accepted'),
    (array['other', :'second_tag'], null, 'one of several versions is sufficient'),
    (array['*'], null, 'the asterisk accepts any version'),
    (array[:'first_tag'], 'TM501 If-Match', 'an earlier version is refused'),
    (array[upper(:'second_tag')], 'TM501 If-Match', 'another spelling is another version'),
    (array['', null], 'TM501 If-Match', 'an empty version is refused'),
    ('{}', 'TM501 If-Match', 'an empty list of versions is refused'),
    (null, 'TM601 If-Match', 'a missing version is refused with its own code')
) as v (versions, refusal, sentence);
update visit set note = 'first';
select is(
    pg_temp.refusal('nobody', format(
        'select app.require_version(%L, v) from visit as v', array[:'first_tag'])),
    null, 'require_version: a version whose values came back is accepted');

select * from finish();
rollback;
