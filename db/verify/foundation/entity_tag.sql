-- Verify telemed:foundation/entity_tag on pg

begin;

select 'app.entity_tag(anyelement)'::regprocedure;

rollback;
