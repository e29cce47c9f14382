/** Texts of JSON bodies that no database keeps are found wherever they stand. */
import { expect, test } from 'vitest';
import { placeOfBroken } from '../../api/whole-text.ts';

test.each([
  ['{"title":"a\\ud800"}', 'body/title'],
  ['{"references":[{"key":"x"},{"key":"\\udc00 y"}]}', 'body/references/1/key'],
  ['{"details":{"a\\u0000":1}}', 'body/details'],
  ['"\\ud83d"', 'body'],
  ['{"title":"whole 😀 \\ud83d\\ude00","amount":null,"shares":[]}', null],
])('of %s it is %s', (body, place) => {
  expect(placeOfBroken(JSON.parse(body), 'body')).toBe(place);
});
