/** The table of the ways in which bills go wrong names the tests that show each: files that are there, and tests of that name in them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PITFALLS = 22;
const LINES = readFileSync(join(ROOT, 'docs/clouds/README.md'), 'utf8').split('\n');

interface Cited {
  /** `integration/corrections`, below test/. */
  readonly file: string;
  /** Null: the file as a whole. */
  readonly name: string | null;
}

/** What a line cites: a file, and after it the names of tests in it. */
function citedIn(line: string): Cited[] {
  const cited: Cited[] = [];
  for (const [, file, name] of line.matchAll(/`((?:unit|integration|fault|property)\/[\w-]+)`|"([^"]+)"/g)) {
    if (file !== undefined) cited.push({ file, name: null });
    else if (name !== undefined) cited.push({ file: cited.at(-1)?.file ?? '', name });
  }
  return cited;
}

/** A test or a group of tests; `each` has its name in the second brackets. */
function isNamed(text: string, name: string): boolean {
  return new RegExp(String.raw`\(\s*(['"\`])${RegExp.escape(name)}\1,`).test(text);
}

function isThere({ file, name }: Cited): boolean {
  const path = join(ROOT, 'test', `${file}.test.ts`);
  return existsSync(path) && (name === null || isNamed(readFileSync(path, 'utf8'), name));
}

test('every test that the table of pitfalls names exists', () => {
  const cited = LINES.flatMap(citedIn);
  expect(cited.filter((one) => !isThere(one))).toEqual([]);
  expect(isThere({ file: 'unit/documented-tests', name: 'no test has this name' })).toBe(false);
});

test('every pitfall has a row with a test by its name', () => {
  const rows = LINES.filter((line) => /^\| \d+ \|/.test(line));
  expect(rows.map((line) => Number(line.split('|')[1]))).toEqual(
    Array.from({ length: PITFALLS }, (_, index) => index + 1),
  );
  expect(rows.filter((line) => !citedIn(line).some(({ name }) => name !== null))).toEqual([]);
});
