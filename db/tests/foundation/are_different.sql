begin;
select plan(6);

select is(app.are_different(v.list::text[]), v.are_different, v.sentence)
from (values
    ('{}', true, 'are_different: an empty list has no value twice'),
    ('{a,b}', true, 'are_different: two different values are different'),
    ('{a,b,a}', false, 'are_different: a value that occurs twice is found'),
    ('{a,null}', false, 'are_different: a null in the list is found'),
    ('{{a,b},{c,d}}', false, 'are_different: a list with two dimensions is refused'),
    (null, null, 'are_different: null stays null')) as v (list, are_different, sentence);

select * from finish();
rollback;
