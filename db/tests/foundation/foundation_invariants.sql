begin;
\ir ../helpers/actors.psql
\ir ../helpers/invariants.psql
select plan(21);

-- Rows that are older than the checks of their domains
insert into broken (sentence, report, sql)
select v.sentence, v.report, concat_ws('; ',
    'alter domain app.line drop constraint line_has_1_to_200_characters_and_none_hidden',
    'alter domain app.email drop constraint'
    ' email_has_one_at_sign_and_neither_spaces_nor_hidden_characters',
    format(v.sql, v.value, v.id),
    'alter domain app.line add constraint line_has_1_to_200_characters_and_none_hidden'
    ' check (app.is_readable(value)) not valid')
from (values
    ('a name that changes the direction of its text is reported',
     'update app.profiles set full_name = %L where user_id = %L', U&'Dr.\202EevE',
     pg_temp.id_of('patient'),
     format('texts_have_no_hidden_characters 1 {"full_name of %s"}', pg_temp.id_of('patient'))),
    ('a name without a visible character is reported',
     'update app.profiles set full_name = %L where user_id = %L', U&'\200D',
     pg_temp.id_of('patient'),
     format('texts_have_no_hidden_characters 1 {"full_name of %s"}', pg_temp.id_of('patient'))),
    ('an e-mail address with a joiner is reported',
     'update app.users set email = %L where id = %L', U&'ann\200D@clinic.test',
     pg_temp.id_of('patient'),
     format('texts_have_no_hidden_characters 1 {"email of %s"}', pg_temp.id_of('patient'))),
    ('a dosage with a hidden hyphen is reported',
     'update app.prescription_items set dosage = %L where prescription_id = %L', U&'400\00ADmg',
     :'prescription'::uuid,
     format('texts_have_no_hidden_characters 1 {"dosage of %s"}', :'prescription')),
    ('a provider reference with a hidden character is reported',
     'update app.payments set provider_reference = %L where id = %L', U&'tx\2060',
     :'payment'::uuid,
     format('texts_have_no_hidden_characters 1 {"provider_reference of %s"}', :'payment')),
    ('a name in another script is not reported',
     'update app.profiles set full_name = %L where user_id = %L', 'नेहा', pg_temp.id_of('patient'),
     'nothing')) as v (sentence, sql, value, id, report);

insert into broken (sentence, report, sql, triggers)
values
('a function that PUBLIC may execute is reported',
 'no_function_is_executable_by_public 1 {app.clock()}',
 'grant execute on function app.clock() to public', true),
('a database to which PUBLIC may connect is reported',
 'the_database_is_closed_to_public 1 {"PUBLIC may connect"}',
 format('grant connect on database %I to public', current_database()), true),
('a database in which telemed_api may make temporary tables is reported',
 'the_database_is_closed_to_public 1 {"telemed_api may temporary"}',
 format('grant temporary on database %I to telemed_api', current_database()), true),
('a database to which telemed_worker may not connect is reported',
 'the_database_is_closed_to_public 1 {"telemed_worker may not connect"}',
 format('revoke connect on database %I from telemed_worker', current_database()), true),
('a database of another owner is reported',
 'the_database_is_closed_to_public 1 {"postgres owns it"}',
 format('alter database %I owner to postgres', current_database()), true),
('a function without a pinned search_path is reported',
 'every_function_pins_its_search_path 1 {app.clock()}',
 'alter function app.clock() reset search_path', true),
('a function that searches temporary tables first is reported',
 'every_function_pins_its_search_path 1 {app.clock()}',
 'alter function app.clock() set search_path = pg_catalog', true);

insert into broken (sentence, report, sql, triggers)
select v.sentence, v.report, format(
    'create function ops.entrance() returns bigint language plpgsql security definer '
    'set search_path = pg_catalog, pg_temp as %L; '
    'revoke execute on function ops.entrance() from public', v.body), true
from (values
    ('a function that reads before it verifies the caller is reported',
     'every_function_begins_without_a_verified_caller 1 {ops.entrance()}',
     'begin return (select count(*) from app.users); end'),
    ('a function that declares a value by another function before it verifies the caller is reported',
     'every_function_begins_without_a_verified_caller 1 {ops.entrance()}',
     'declare n bigint := app.payable_minor(null); begin perform app.forget_actor(); return n; end'),
    ('a function that never verifies the caller is reported',
     'every_function_begins_without_a_verified_caller 1 {ops.entrance()}',
     'begin return 1; end -- app.forget_actor()'),
    ('a function that first forgets the caller is not reported', 'nothing',
     'begin perform app.forget_actor(); return 1; end')) as v (sentence, report, body);

insert into broken (sentence, report, sql, traces)
values
('a disabled trigger is reported',
 'every_trigger_and_constraint_is_in_force 1 {"payments_stay_within_bounds on app.payments"}',
 'alter table app.payments disable trigger payments_stay_within_bounds', true),
('a constraint that is not validated is reported',
 'every_trigger_and_constraint_is_in_force 1 {"unchecked on app.payments"}',
 'alter table app.payments add constraint unchecked check (true) not valid', true),
('an invalid index is reported',
 'every_trigger_and_constraint_is_in_force 1 {app.payments_by_time}',
 $$ set local allow_system_table_mods = on;
    update pg_index set indisvalid = false where indexrelid = 'app.payments_by_time'::regclass $$,
 true);

select is(pg_temp.report_on(b.sql, b.triggers, b.traces), b.report, b.sentence)
from broken as b order by b.n;
select is_empty(
    $$ select * from pg_temp.unbroken('app.foundation_invariants') $$,
    'every invariant of foundation is broken by a case');

select * from finish();
rollback;
