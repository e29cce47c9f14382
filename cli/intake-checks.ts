/** The doctor's look at what comes in: each tool's secret, whether it can reach us, what came last, what waits and what is missing. */
import { type IntakeSource, type IntakeSweep, readIntakeStatus } from '../services/intake/intake-status.ts';
import { secretsVariable, WEBHOOK_PROVIDERS, type WebhookProvider } from '../services/kernel/intake-settings.ts';
import { isLoopback } from '../services/kernel/settings.ts';
import type { Finding } from './doctor-checks.ts';
import type { Runtime } from './runtime.ts';

const NAMES: Readonly<Record<WebhookProvider, string>> = {
  github: 'GitHub',
  jira: 'Jira',
  linear: 'Linear',
  pagerduty: 'PagerDuty',
};

export async function checkIntake(runtime: Pick<Runtime, 'db' | 'settings'>): Promise<Finding[]> {
  const { intake, publicUrl } = runtime.settings;
  const { sources, sweeps } = await readIntakeStatus(runtime.db);
  const standing = new Map(sources.map((source) => [source.source, source]));
  const isReachable = !isLoopback(new URL(publicUrl).hostname);
  const findings = WEBHOOK_PROVIDERS.flatMap((provider): Finding[] => {
    const secrets = intake.webhookSecrets[provider];
    const came = standing.get(provider);
    const subject = `webhooks of ${NAMES[provider]}`;
    if (secrets === undefined) {
      if (came === undefined) return [];
      const message = `${secretsVariable(provider)} is not set, and webhooks came before: what comes now is sent away. Set it.`;
      return [{ subject, state: 'wrong', message }];
    }
    const address = `${publicUrl}/api/v1/webhooks/${provider}`;
    if (!isReachable) {
      const message = `${NAMES[provider]} cannot reach ${address}. Set PUBLIC_URL to the address it can.`;
      return [{ subject, state: 'wrong', message }];
    }
    if (came === undefined) {
      return [{ subject, state: 'note', message: `nothing came yet; it is to call ${address} (docs/intake.md)` }];
    }
    const rotation = secrets.length > 1 ? '; two secrets are active' : '';
    return [{ subject, ...describe(came, rotation) }];
  });
  const events = sources.filter(({ source }) => source.startsWith('events/'));
  return [
    ...findings,
    ...events.map(checkSender),
    ...checkSweeps(sweeps, intake.github.token !== undefined || intake.github.app !== undefined),
  ];
}

function checkSender(source: IntakeSource): Finding {
  const subject = source.source;
  if (source.isBound) return { subject, ...describe(source, '') };
  const any = '; it may speak of any source: name those it has in intake.senders of the organisation file';
  const { state, message } = describe(source, any);
  return { subject, state: state === 'ok' ? 'note' : state, message };
}

function describe(source: IntakeSource, more: string): Pick<Finding, 'state' | 'message'> {
  const last = `last event ${source.lastAt?.toISOString() ?? 'never'}${more}`;
  if (source.failed > 0) {
    return {
      state: 'wrong',
      message: `${last}; of ${source.failed} something could not be done: "outturn events --state failed" says what`,
    };
  }
  const waiting = [
    source.received > 0 ? `${source.received} wait for a worker` : '',
    source.unmapped > 0 ? `${source.unmapped} wait for a mapping ("outturn events --state unmapped")` : '',
    source.gap > 0 ? `${source.gap} were not delivered and have not come since` : '',
  ].filter((part) => part !== '');
  return waiting.length === 0
    ? { state: 'ok', message: last }
    : { state: 'note', message: `${last}; ${waiting.join('; ')}` };
}

function checkSweeps(sweeps: readonly IntakeSweep[], hasToken: boolean): Finding[] {
  if (sweeps.length === 0) return [];
  const subject = 'nightly look at GitHub';
  if (!hasToken) {
    const message =
      'neither OUTTURN_GITHUB_TOKEN nor OUTTURN_GITHUB_APP_ID is set: GitHub is not asked for what it could not deliver (docs/intake.md)';
    return [{ subject, state: 'wrong', message }];
  }
  return sweeps.map(({ hook, lookedAt, error }): Finding => {
    const name = `${subject}, ${hook}`;
    if (error !== null) return { subject: name, state: 'wrong', message: error };
    return lookedAt === null
      ? { subject: name, state: 'note', message: 'a worker has not looked yet' }
      : { subject: name, state: 'ok', message: `looked at ${lookedAt.toISOString()}` };
  });
}
