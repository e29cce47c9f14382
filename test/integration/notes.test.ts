/**
 * Signed notes: who may sign about what, that nobody changes one, that one is taken back by another, and that a statement keeps those about its
 * days and has no other document for a period without any.
 */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base
  .extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
    await seedTwoPods(database.db);
    await sql`truncate note`.execute(database.db);
    const api = await startTestApi(database);
    api.clock.set('2026-10-20T08:00:00Z');
    onCleanup(() => api.close());
    return api;
  })
  .extend('call', { scope: 'file' }, async ({ api }) => {
    const headers = {
      grace: await api.authorise('finance', { principal: 'grace@example.com' }),
      olaf: await api.authorise('operator', { principal: 'olaf@example.com' }),
      ada: await api.authorise('pod', { principal: 'ada@example.com', pods: ['checkout'] }),
      sam: await api.authorise('pod', { principal: 'sam@example.com', pods: ['search'] }),
    };
    return async (who: keyof typeof headers, method: 'GET' | 'POST', url: string, body?: object) => {
      const payload = body === undefined ? {} : { payload: body };
      const answer = await api.app.inject({ method, url: `/api/v1${url}`, headers: headers[who], ...payload });
      return { status: answer.statusCode, json: () => answer.json() };
    };
  });

describe('a note', () => {
  test('is signed by whose token it is, about a pod, a period, a figure, or all of them', async ({ call }) => {
    const whole = { podId: 'checkout', period: '2026-Q3', figure: 'value.verified', text: ' Measured twice. ' };
    expect(await call('ada', 'POST', '/notes', whole)).toMatchObject({ status: 201 });
    expect(
      (await call('grace', 'POST', '/notes', { figure: 'coverage.cost', text: 'Two accounts are new.' })).status,
    ).toBe(201);
    expect((await call('grace', 'POST', '/notes', { period: '2026-09', text: 'The migration.' })).status).toBe(201);
    expect((await call('grace', 'GET', '/notes?podId=checkout')).json()).toMatchObject([
      {
        period: { id: '2026-Q3', start: '2026-07-01', end: '2026-10-01' },
        text: 'Measured twice.',
        signedBy: 'ada@example.com',
        signedRole: 'pod',
        withdrawnBy: null,
      },
    ]);
    expect((await call('grace', 'GET', '/notes?period=2026-Q3')).json()).toHaveLength(2);
    expect((await call('grace', 'GET', '/notes?period=2026-09')).json()).toMatchObject([{ text: 'The migration.' }]);
  });

  test('about nothing, an unknown pod or figure, or another’s pod, is refused', async ({ call }) => {
    expect((await call('grace', 'POST', '/notes', { text: 'x' })).status).toBe(400);
    expect((await call('grace', 'POST', '/notes', { podId: 'chekout', text: 'x' })).json()).toMatchObject({
      status: 404,
      detail: expect.stringContaining('Did you mean "checkout"?'),
    });
    expect((await call('grace', 'POST', '/notes', { figure: 'cost.totl', text: 'x' })).status).toBe(400);
    expect((await call('ada', 'POST', '/notes', { podId: 'search', text: 'x' })).status).toBe(403);
    expect((await call('ada', 'POST', '/notes', { period: '2026-09', text: 'x' })).status).toBe(403);
  });

  test('is seen by the pods it is about only', async ({ call }) => {
    expect((await call('ada', 'GET', '/notes')).json()).toHaveLength(1);
    expect((await call('sam', 'GET', '/notes')).json()).toEqual([]);
    expect((await call('sam', 'GET', '/notes?podId=checkout')).json()).toEqual([]);
  });

  test('is changed by nobody; who signed it or finance takes it back by another, once', async ({ call, database }) => {
    await expect(sql`update note set text = 'other'`.execute(database.db)).rejects.toThrow(/append-only/);
    await expect(sql`delete from note`.execute(database.db)).rejects.toThrow(/append-only/);
    const [note] = (await call('grace', 'GET', '/notes?podId=checkout')).json();
    const withdraw = (who: 'ada' | 'sam' | 'olaf' | 'grace', noteId: string) =>
      call(who, 'POST', `/notes/${noteId}/withdraw`, { text: 'It was measured once.' });
    expect((await withdraw('sam', note.noteId)).status).toBe(404);
    expect((await withdraw('olaf', note.noteId)).status).toBe(403);
    // Both at once: one is first, and the other one hears of it.
    const both = await Promise.all([withdraw('ada', note.noteId), withdraw('grace', note.noteId)]);
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([201, 409]));
    const [taken = expect.fail()] = both.filter(({ status }) => status === 201);
    expect(taken.json()).toMatchObject({ withdraws: note.noteId, podId: 'checkout', period: { id: '2026-Q3' } });
    expect((await withdraw('grace', taken.json().noteId)).status).toBe(409);
    expect((await call('grace', 'GET', '/notes?podId=checkout')).json()).toMatchObject([
      { text: 'It was measured once.' },
      { text: 'Measured twice.', withdrawnBy: taken.json().noteId },
    ]);
    const audit = (await call('grace', 'GET', `/audit?subjectKind=note&subjectId=${taken.json().noteId}`)).json();
    expect(audit).toMatchObject([{ principal: 'ada@example.com', action: 'withdraw-note' }]);
  });
});

test('a statement keeps the notes about its days; one of a period without notes has no such part', async ({ call }) => {
  const close = { period: '2026-09', force: true, reason: 'the bill ends on the 14th' };
  const documentOf = async () => {
    const { statementId } = (await call('olaf', 'POST', '/statements', close)).json().statement;
    return (await call('grace', 'GET', `/statements/${statementId}`)).json();
  };
  const document = await documentOf();
  expect(document.notes).toMatchObject([
    { text: 'The migration.', signedBy: 'grace@example.com', signedAt: '2026-10-20T08:00:00.000Z' },
  ]);
  expect(document.notes).toHaveLength(1);
  const august = { ...close, period: '2026-08' };
  const empty = (await call('olaf', 'POST', '/statements', august)).json();
  const { statementId } = empty.statement;
  expect(Object.keys((await call('grace', 'GET', `/statements/${statementId}`)).json())).not.toContain('notes');
});
