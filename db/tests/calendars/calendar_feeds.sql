begin;
\ir ../helpers/actors.psql
select plan(18);
reset role;

create function pg_temp.new_feed(p_name text, p_token text)
returns uuid language sql
as $$
    insert into app.calendar_feeds (user_id, token_hash)
    values (pg_temp.id_of(p_name), sha256(convert_to(p_token, 'UTF8')))
    returning id
$$;

-- Constraints
select pg_temp.sign_in('nobody');
select pg_temp.new_feed('patient', 'first') as feed \gset
select is(
    (f.created_at, f.revoked_at)::text, (timestamptz '2027-01-04 08:00:00+00', null)::text,
    'a calendar feed begins now and is in force')
from app.calendar_feeds as f where f.id = :'feed';
select throws_ok(
    v.sql, v.code, null, v.sentence)
from (values
    ($$ select pg_temp.new_feed('patient', 'second') $$, '23505',
     'a user has at most one calendar feed in force'),
    ($$ insert into app.calendar_feeds (user_id, token_hash)
        values (app.uuid_v7(), sha256('fourth')) $$, '23503',
     'a calendar feed of an unknown user is refused'),
    ($$ select pg_temp.new_feed('other_patient', 'first') $$, '23505',
     'two calendar feeds never have one token'),
    ($$ select pg_temp.new_feed('nobody', 'third') $$, '23502', 'a calendar feed needs a user'),
    (format(
        $$ insert into app.calendar_feeds (user_id, token_hash) values (%L, 'in clear') $$,
        pg_temp.id_of('other_patient')), '23514', 'a token in clear is refused'),
    (format($$ update app.calendar_feeds set user_id = %L $$, pg_temp.id_of('doctor')), 'TM912',
     'a calendar feed keeps its user'),
    ($$ update app.calendar_feeds set token_hash = sha256('x') $$, 'TM912',
     'a calendar feed keeps its token'),
    ($$ delete from app.calendar_feeds $$, 'TM912', 'a calendar feed is never deleted'),
    ($$ truncate app.calendar_feeds $$, 'TM912', 'calendar feeds are never truncated')
) as v (sql, code, sentence);
update app.calendar_feeds set revoked_at = app.clock() where id = :'feed';
select throws_ok(
    'update app.calendar_feeds set revoked_at = null', 'TM912', null,
    'a revoked calendar feed is never in force again');
select lives_ok(
    $$ select pg_temp.new_feed('patient', 'second') $$,
    'a user whose calendar feed was revoked may have another one');

-- What a feed rests on
create function pg_temp.in_force_after(p_name text, p_sql text)
returns bigint language plpgsql
as $$
begin
    perform pg_temp.sign_in('admin');
    perform pg_temp.new_feed(p_name, p_sql);
    execute format('update app.users set %s where id = %L', p_sql, pg_temp.id_of(p_name));
    return (
        select count(*) from app.calendar_feeds as f
        where f.user_id = pg_temp.id_of(p_name) and f.revoked_at is null);
end;
$$;
select is(pg_temp.in_force_after(v.name, v.sql), v.feeds, v.sentence)
from (values
    ('doctor', 'email = ''new@clinic.test''', 1::bigint,
     'another e-mail address leaves a calendar feed in force'),
    ('other_patient', 'password_hash = ''$2b$04$'' || repeat(''b'', 53)', 0::bigint,
     'a new password revokes a calendar feed'),
    ('other_doctor', 'deactivated_at = app.clock()', 0::bigint,
     'a deactivation revokes a calendar feed')
) as v (name, sql, feeds, sentence);
select is(count(*), 1::bigint, 'the calendar feeds of other users stay in force')
from app.calendar_feeds as f
where f.user_id = pg_temp.id_of('patient') and f.revoked_at is null;
select api.id as other from api.sign_up(
    'other@clinic.test', '$2b$04$' || repeat('a', 53), 'Other') as api \gset
insert into app.calendar_feeds (user_id, token_hash) values (:'other', sha256('other'));
update app.users set role = 'admin' where id = :'other';
select is(count(*), 0::bigint, 'another role revokes a calendar feed')
from app.calendar_feeds as f where f.user_id = :'other' and f.revoked_at is null;

-- In the audit log
select is_empty(
    $$ select id from app.audit_logs
       where table_name = 'calendar_feeds'
         and (coalesce(old, new) ? 'token_hash' or position('token' in new::text) > 0) $$,
    'the audit log of calendar feeds has no token');

select * from finish();
rollback;
