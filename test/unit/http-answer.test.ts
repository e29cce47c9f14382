/** Answers of HTTP that mean the same to every connector. */
import { describe, expect, test } from 'vitest';
import { networkReason, proxyRefusal, retryAfterMs, unreached } from '../../connectors/http-answer.ts';

const NOW = new Date('2026-10-06T08:00:00Z');

describe('Retry-After', () => {
  test.each([
    ['seconds', '90', 90_000],
    ['a date', 'Tue, 06 Oct 2026 08:02:00 GMT', 120_000],
    ['a date that is over', 'Tue, 06 Oct 2026 07:00:00 GMT', 0],
    ['something else', 'soon', null],
    ['nothing', undefined, null],
  ])('as %s', (_, header, wait) => {
    expect(retryAfterMs(header, NOW)).toBe(wait);
  });
});

test('a proxy that wants a login is told from what the service says, with the fix', () => {
  expect(proxyRefusal(407)).toContain('HTTPS_PROXY: http://user:password@host:port');
  expect([401, 403, null].map(proxyRefusal)).toEqual([null, null, null]);
});

test('where nobody answers, the address and where to look are named', () => {
  const error = Object.assign(new Error('connect'), { code: 'ECONNREFUSED', address: '127.0.0.1', port: 9_193 });
  expect(unreached('Amazon S3', networkReason(error))).toBe(
    'Amazon S3 could not be reached, or broke off (ECONNREFUSED 127.0.0.1:9193). If this stays, check the network, HTTPS_PROXY and the endpoint of the source.',
  );
});
