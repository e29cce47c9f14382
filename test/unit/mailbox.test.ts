/** One person under every spelling of an address, and two under two. */
import { expect, test } from 'vitest';
import { isSamePerson } from '../../services/outcomes/outcome.ts';

test.each([
  ' Grace@ACME.com ',
  'grace@acme.com.',
  '\u{FF47}race@acme.com',
  'grace\u200B@acme.com',
  'mailto:grace@acme.com',
  'grace+q3@acme.com',
])('%j is grace@acme.com', (address) => {
  expect(isSamePerson(address, 'grace@acme.com')).toBe(true);
});

test.each(['grac@acme.com', 'grace@acme.co', 'grace@acme.com.evil.org', '+grace@acme.com'])('%j is not', (address) => {
  expect(isSamePerson(address, 'grace@acme.com')).toBe(false);
});
