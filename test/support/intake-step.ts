/** One step of intake: a delivery that comes in, or a job. In the test's own process, or in one that is killed. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { silentLogger, silentProgress, systemPrincipal } from '../../services/kernel/ports.ts';
import { readSettings } from '../../services/kernel/settings.ts';
import type { Delivery } from './signed-webhooks.ts';

export const HOOK_URL = 'https://outturn.example.com/api/v1/webhooks/github';

export interface IntakeStep {
  readonly does: 'sweep-github' | 'process-events' | Delivery;
  readonly instant: string;
  readonly secret: string;
  readonly githubUrl: string;
  readonly token: string;
}

export async function takeIntakeStep(db: Kysely<DB>, step: IntakeStep): Promise<void> {
  const { does, instant, secret, githubUrl, token } = step;
  const environment = {
    OUTTURN_GITHUB_WEBHOOK_SECRETS: secret,
    OUTTURN_GITHUB_TOKEN: token,
    GITHUB_API_URL: githubUrl,
    PUBLIC_URL: new URL(HOOK_URL).origin,
  };
  const context = {
    db,
    databaseUrl: '',
    settings: readSettings(environment, process.cwd()),
    clock: { now: () => new Date(instant) },
    logger: silentLogger,
    progress: silentProgress,
    principal: systemPrincipal,
    signal: new AbortController().signal,
  };
  // Each loads what it needs, as a worker does: most of these processes' time is their start.
  if (does === 'sweep-github') {
    await (await import('../../jobs/handlers/sweep-github.ts')).sweepGithub({}, context);
  } else if (does === 'process-events') {
    await (await import('../../jobs/handlers/process-events.ts')).processEvents({}, context);
  } else {
    const { receiveWebhook } = await import('../../jobs/receive-events.ts');
    const request = { headers: does.headers, body: Buffer.from(does.body) };
    const kept = await receiveWebhook('github', request, { ...context, remind: async () => {} });
    if (kept === null) throw new Error('the delivery was not signed with the secret');
  }
}
