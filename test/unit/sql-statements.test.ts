/** A semicolon ends a statement only outside quotes, dollar quotes and comments. */
import { expect, test } from 'vitest';
import { splitStatements } from '../../db/sql-statements.ts';

test.each([
  ['nothing at all', '  \n', []],
  ['only comments', '-- a; b\n/* c; */', []],
  ['two statements and an empty one', 'select 1; ;select 2', ['select 1', 'select 2']],
  ['a string', "select 'a;''b;'; select 2", ["select 'a;''b;'", 'select 2']],
  ['an escape string', "select E'a\\';b'; select 2", ["select E'a\\';b'", 'select 2']],
  ['a plain string that ends in a backslash', "select 'a\\'; select 2", ["select 'a\\'", 'select 2']],
  ['a quoted name', 'select 1 as "a;b"; select 2', ['select 1 as "a;b"', 'select 2']],
  ['a dollar quote', 'do $$ begin; end $$; select 2', ['do $$ begin; end $$', 'select 2']],
  [
    'a tagged dollar quote with another inside',
    'do $a$ x; $$ y; $$ $a$; select 2',
    ['do $a$ x; $$ y; $$ $a$', 'select 2'],
  ],
  ['a dollar inside a name', 'select a$b$c; select 2', ['select a$b$c', 'select 2']],
  ['a nested comment', 'select /* a; /* b; */ c; */ 1; select 2', ['select /* a; /* b; */ c; */ 1', 'select 2']],
  ['a comment before its statement', '-- why; how\nselect 1;', ['-- why; how\nselect 1']],
])('%s', (_name, script, statements) => {
  expect(splitStatements(script)).toEqual(statements);
});
