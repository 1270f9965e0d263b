begin;
\ir ../helpers/actors.psql
select plan(9);
reset role;

select results_eq(
    'select kind from app.log_in_limits order by kind', array['account', 'address', 'both'],
    'The log-in limits are of three kinds: by account, by address and by both');
select throws_ok(
    $$ insert into app.log_in_limits values ('planet', 1, 1) $$, '23514', null,
    'A log-in limit of another kind is refused');
select throws_ok(
    $$ update app.log_in_limits set free_attempts = 0 $$, '23514', null,
    'A log-in limit without a free attempt is refused');
select throws_ok(
    $$ insert into app.log_in_attempts (subject) values ('a@clinic.test') $$, '23514', null,
    'An attempt under an e-mail address in clear is refused');
select throws_ok(
    $$ insert into app.log_in_attempts (subject, failures) values (sha256('a'), -1) $$, '23514',
    null, 'A negative number of failures is refused');
select isnt(
    app.log_in_subject('both', 'a', 'b'), app.log_in_subject('both', 'b', 'a'),
    'Account and address have different places in the subject of an attempt');
select is(
    app.log_in_subject('account', 'a', 'b'), app.log_in_subject('account', 'A', 'c'),
    'Attempts at one account from different addresses count together');
select is(
    app.log_in_subject('account', 'É', 'b'),
    app.log_in_subject('account', normalize('é', nfd), 'b'),
    'The composition of the e-mail address does not matter for the subject of an attempt');
set local role telemed_owner;
select is_empty('select failures from app.log_in_attempts', 'The owner sees no log-in attempt');

select * from finish();
rollback;
