begin;
select plan(7);

create temp table visit (id integer, at timestamptz, note text) on commit drop;
insert into visit values (1, '2027-01-05 09:00:00+00', 'café');

-- The value is written out, because clients keep entity tags beyond an upgrade of the server.
select is(
    app.entity_tag(v), '5aafa8d7396e6d12b31069df00766587', 'entity_tag: the tag is the beginning of the SHA-256 of the JSON')
from visit as v;
select set_config('tag.before', app.entity_tag(v), true) from visit as v \g /dev/null
set local timezone = 'Asia/Tokyo';
select is(
    app.entity_tag(v), current_setting('tag.before'),
    'entity_tag: the time zone of the session does not change the tag')
from visit as v;
select is(
    current_setting('timezone'), 'Asia/Tokyo',
    'entity_tag: the session keeps its time zone');
update visit set note = note;
select is(
    app.entity_tag(v), current_setting('tag.before'),
    'entity_tag: an update that changes no value keeps the tag')
from visit as v;
update visit set at = at + interval '1 microsecond';
select isnt(
    app.entity_tag(v), current_setting('tag.before'),
    'entity_tag: a microsecond changes the tag')
from visit as v;
update visit set at = at - interval '1 microsecond', note = null;
select isnt(
    app.entity_tag(v), current_setting('tag.before'), 'entity_tag: a null changes the tag')
from visit as v;
update visit set note = 'café';
select is(
    app.entity_tag(v), current_setting('tag.before'),
    'entity_tag: a value that comes back brings the tag back')
from visit as v;

select * from finish();
rollback;
