begin;
select plan(8);

select is(app.folded_text(v.value), v.folded, v.sentence)
from (values
    ('Dr. Tomáš Král', 'dr. tomas kral', 'folded_text: accents and capital letters are dropped'),
    (normalize('Král', nfd), 'kral', 'folded_text: combining accents are dropped'),
    ('Łukasz Ørsted', 'lukasz orsted', 'folded_text: strokes are dropped'),
    ('Strauß', 'strauss', 'folded_text: a letter may become two'),
    ('ΟΔΟΣ οδος', 'οδοσ οδοσ', 'folded_text: a final sigma becomes an ordinary one'),
    ('Надія', 'надія', 'folded_text: another script keeps its letters, in lower case'),
    ('', '', 'folded_text: an empty text stays empty'),
    (null, null, 'folded_text: null stays null')) as v (value, folded, sentence);

select * from finish();
rollback;
