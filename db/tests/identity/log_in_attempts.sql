begin;
\ir ../helpers/actors.psql
select plan(9);
reset role;

select results_eq(
    'select kind from app.log_in_limits order by kind', array['account', 'address', 'both'],
    'there are limits of three kinds');
select throws_ok(
    $$ insert into app.log_in_limits values ('planet', 1, 1) $$, '23514', null, 'and no others');
select throws_ok(
    $$ update app.log_in_limits set free_attempts = 0 $$, '23514', null,
    'somebody can always log in');
select throws_ok(
    $$ insert into app.log_in_attempts (subject) values ('a@clinic.test') $$, '23514', null,
    'nobody can read who has tried');
select throws_ok(
    $$ insert into app.log_in_attempts (subject, failures) values (sha256('a'), -1) $$, '23514',
    null, 'nor has anybody failures to come');
select isnt(
    app.log_in_subject('both', 'a', 'b'), app.log_in_subject('both', 'b', 'a'),
    'who and from where are two things');
select is(
    app.log_in_subject('account', 'a', 'b'), app.log_in_subject('account', 'A', 'c'),
    'an account is one wherever it is used');
select is(
    app.log_in_subject('account', 'É', 'b'),
    app.log_in_subject('account', normalize('é', nfd), 'b'), 'and however its address is written');
set local role telemed_owner;
select is_empty('select failures from app.log_in_attempts', 'and no function of a client sees any');

select * from finish();
rollback;
