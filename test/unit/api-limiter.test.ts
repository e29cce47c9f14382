/** Few at once: the limiter starts no more than it may, passes places on in order, survives failures, and refuses a crowd. */
import { expect, test } from 'vitest';
import { createLimiter } from '../../api/limiter.ts';
import { preferredForm } from '../../api/printed.ts';

test('no more run than may, those who wait come in order, and a failure frees its place', async () => {
  const limited = createLimiter(2, 10);
  const started: number[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<number>());
  const works = gates.map((gate, index) =>
    limited(() => {
      started.push(index);
      return gate.promise;
    }),
  );
  expect(started).toEqual([0, 1]);
  gates[1]?.reject(new Error('failed'));
  await expect(works[1]).rejects.toThrow('failed');
  expect(started).toEqual([0, 1, 2]);
  for (const [index, gate] of gates.entries()) gate.resolve(index);
  expect(await Promise.all([works[0], works[2], works[3], works[4]])).toEqual([0, 2, 3, 4]);
  expect(started).toEqual([0, 1, 2, 3, 4]);
});

test('a crowd is asked to come back', async () => {
  const limited = createLimiter(1, 1);
  const gate = Promise.withResolvers<void>();
  const works = [limited(() => gate.promise), limited(() => gate.promise)];
  await expect(limited(() => gate.promise)).rejects.toMatchObject({ name: 'TransientError', retryAfterMs: 10_000 });
  gate.resolve();
  await Promise.all(works);
});

test('CSV and workbooks are sent only where they are wanted more than JSON', () => {
  const wanted = ['text/csv', 'TEXT/CSV; charset=utf-8', 'text/csv, */*', 'application/json;q=0.3, text/csv;q=0.4'];
  expect(wanted.map(preferredForm)).toEqual(wanted.map(() => 'csv'));
  const workbook = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
  expect(preferredForm(workbook)).toBe('xlsx');
  expect(preferredForm(`${workbook};q=0.5, text/csv;q=0.4`)).toBe('xlsx');
  expect(preferredForm(`${workbook};q=0.4, text/csv`)).toBe('csv');
  expect(preferredForm(`${workbook}, application/json`)).toBe('json');
  const not = [undefined, '', '*/*', 'application/json', 'text/csv;q=0', 'text/csv, application/json', 'text/html'];
  expect(not.map(preferredForm)).toEqual(not.map(() => 'json'));
});
