/** value-per-pod over HTTP as 20 clients ask for it: answers known by figures_version, and answers made anew each time. */
import { Agent, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { buildApp } from '../api/app.ts';
import type { Database } from '../db/database.ts';
import { createToken } from '../services/access/tokens.ts';
import { localOperator } from '../services/kernel/ports.ts';
import { atLeast, atMost, type Figure, figureOf, percentile } from './figures.ts';
import { BENCH_NOW } from './rulebook-figures.ts';

const CLIENTS = 20;
const REQUESTS = 4000;
const WARM_UP_REQUESTS = 200;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const PATH = '/api/v1/reports/value-per-pod?period=2026-Q3';

/** Serves from the same process as the clients, on the same machine: all of it is in the figure. */
export async function measureHttp({ db }: Pick<Database, 'db'>): Promise<Figure[]> {
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
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  try {
    const { port } = app.server.address() as AddressInfo;
    const ask = () => request({ agent, port, token });
    await load(ask, WARM_UP_REQUESTS);
    const cached = await load(ask, REQUESTS);
    isStanding = false;
    await load(ask, WARM_UP_REQUESTS);
    const uncached = await load(ask, REQUESTS / 4);
    return [
      rateOf('value-per-pod over HTTP, 20 clients, answered before', cached, 1000),
      rateOf('value-per-pod over HTTP, 20 clients, made anew', uncached, 300),
      figureOf('  p99 of these', percentile(uncached.times, 0.99), {
        unit: ' ms',
        from: `${uncached.times.length} requests`,
        target: atMost(100),
      }),
    ];
  } finally {
    agent.destroy();
    await app.close();
  }
}

interface Load {
  readonly times: readonly number[];
  readonly elapsedMs: number;
}

function rateOf(name: string, { times, elapsedMs }: Load, perSecondMin: number): Figure {
  return figureOf(name, (times.length / elapsedMs) * 1000, {
    unit: '/s',
    from: `${times.length} requests, p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms`,
    target: atLeast(perSecondMin),
  });
}

async function load(ask: () => Promise<void>, requests: number): Promise<Load> {
  const times: number[] = [];
  let left = requests;
  const startedAt = performance.now();
  const client = async () => {
    while (left > 0) {
      left -= 1;
      const askedAt = performance.now();
      await ask();
      times.push(performance.now() - askedAt);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { times, elapsedMs: performance.now() - startedAt };
}

function request({ agent, port, token }: { agent: Agent; port: number; token: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ agent, host: '127.0.0.1', port, path: PATH, headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.on('error', reject).on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${PATH} answered ${response.statusCode}`));
      });
      response.resume();
    }).on('error', reject);
  });
}
