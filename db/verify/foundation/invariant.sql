-- Verify telemed:foundation/invariant on pg

begin;

select name, description, violations
from unnest(array[]::app.invariant[]);

rollback;
