/** What PostgreSQL gives up for the sake of another transaction, or a connection that broke, is no fault of a request: it is sent again. */
import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { sendProblem } from '../../api/problem.ts';

test.each([
  [Object.assign(new Error('deadlock detected'), { code: '40P01' }), 'try_again', 'send it again'],
  [
    Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' }),
    'try_again',
    'send it again',
  ],
  [
    new Error('Client has encountered a connection error and is not queryable'),
    'database_unreachable',
    'Try again soon',
  ],
])('%s', async (error, code, detail) => {
  const app = fastify();
  app.setErrorHandler((thrown, request, reply) => sendProblem(thrown, request, reply));
  app.get('/', () => Promise.reject(error));
  const answer = await app.inject({ url: '/' });
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '5']);
  expect(answer.json()).toMatchObject({ code, detail: expect.stringContaining(detail) });
});
