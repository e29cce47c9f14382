/** value-per-pod over HTTP as 20 clients ask for it: answers known by figures_version, and answers made anew each time. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { buildApp } from '../api/app.ts';
import type { Database } from '../db/database.ts';
import { createToken } from '../services/access/tokens.ts';
import { localOperator } from '../services/kernel/ports.ts';
import { valuePerPod } from '../services/reports/value-per-pod.ts';
import { atLeast, atMost, type Figure, figureOf, percentile, processorFigures } from './figures.ts';
import type { HttpAnswer, HttpLoad } from './http-clients.ts';
import { spentDuring } from './processor-time.ts';
import { BENCH_NOW } from './rulebook-figures.ts';

const CLIENTS = 20;
const REQUESTS = 4000;
const WARM_UP_REQUESTS = 200;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const PERIOD = '2026-Q3';
const PATH = `/api/v1/reports/value-per-pod?period=${PERIOD}`;

export interface HttpPlace {
  readonly db: Database['db'];
  readonly serverPid: number;
}

/** The API is in this process, its clients in another one (http-clients.ts) on the same machine: all of it is in the figure. */
export async function measureHttp({ db, serverPid }: HttpPlace): Promise<Figure[]> {
  let elapsedMinutes = 0;
  let isStanding = true;
  // Answers count for a minute of the clock; one that runs a minute a look makes every answer a new one.
  const clock = { now: () => new Date(BENCH_NOW.getTime() + (isStanding ? 0 : (elapsedMinutes += 1)) * MINUTE_MS) };
  const { token } = await db
    .transaction()
    .execute((trx) =>
      createToken(
        trx,
        { principal: 'bench', role: 'finance', pods: [], expiresAt: new Date(BENCH_NOW.getTime() + 300 * DAY_MS) },
        localOperator,
        BENCH_NOW,
      ),
    );
  const queue = { add: async () => {}, counts: async () => ({}) };
  const app = await buildApp({
    db,
    clock,
    queue,
    workDir: '/nonexistent',
    version: 'bench',
    logger: pino({ level: 'silent' }),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const clients = fork(join(import.meta.dirname, 'http-clients.ts'), [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(clients, 'exit').then(() => [{ failure: 'the clients were ended from outside' }]);
  try {
    const { port } = app.server.address() as AddressInfo;
    const { total } = await valuePerPod(db, { period: PERIOD, at: BENCH_NOW });
    const pids = { PostgreSQL: serverPid, API: process.pid, clients: clients.pid ?? 0 };
    const load = async (requests: number): Promise<Load> => {
      const { result: answer, spent } = await spentDuring(pids, async (): Promise<HttpAnswer> => {
        clients.send({ port, token, path: PATH, clients: CLIENTS, requests, cost: total.cost } satisfies HttpLoad);
        const [told] = (await Promise.race([once(clients, 'message'), ended])) as [HttpAnswer];
        return told;
      });
      if ('failure' in answer) throw new Error(answer.failure);
      // The clients are a child of this process.
      return { ...answer, spent: { ...spent, API: spent.API - spent.clients } };
    };
    await load(WARM_UP_REQUESTS);
    const cached = await load(REQUESTS);
    isStanding = false;
    await load(WARM_UP_REQUESTS);
    const uncached = await load(REQUESTS / 4);
    return [
      ...ratesOf('value-per-pod over HTTP, 20 clients, answered before', cached, 1000),
      ...ratesOf('value-per-pod over HTTP, 20 clients, made anew', uncached, 300),
      figureOf('  p99 of these', percentile(uncached.times, 0.99), {
        unit: ' ms',
        from: `${uncached.times.length} requests`,
        target: atMost(100),
      }),
    ];
  } finally {
    clients.kill();
    await app.close();
  }
}

interface Load extends Exclude<HttpAnswer, { failure: string }> {
  /** Milliseconds of processor time. */
  readonly spent: Readonly<Record<'PostgreSQL' | 'API' | 'clients', number>>;
}

/** The rate on the wall, and the one of two cores that do nothing else, of which the API's one thread is given one. */
function ratesOf(name: string, { times, elapsedMs, spent }: Load, perSecondMin: number): Figure[] {
  const rate = figureOf(name, (times.length / elapsedMs) * 1000, {
    unit: '/s',
    from: `${times.length} requests, p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms`,
    target: atLeast(perSecondMin),
  });
  const ofTwoCores = processorFigures(spent, times.length, ({ total, API }) => ({
    value: Math.min(2000 / total, 1000 / API),
    unit: '/s',
  }));
  return [rate, ...ofTwoCores];
}
