/** How pods stand, as Slack shows it to one person: an answer to a question, and the app's home. */
import type { OpenDrift } from '../drift/open-drift.ts';
import { decimal } from '../kernel/decimal.ts';
import { utcDate } from '../kernel/period.ts';
import { formatDay, formatMoney, formatPeriod, formatShare } from './format-figures.ts';
import type { PodStanding, StandingEnvelope } from './scope-standing.ts';
import { header, section } from './slack-blocks.ts';
import { cutEscaped, escapeForeign, TEXT_LENGTH_MAX } from './slack-text.ts';

const ONE = decimal('1');
/** Slack shows a hundred blocks of a home and fifty of an answer. */
const PODS_MAX = 40;

const STATES: Readonly<Record<StandingEnvelope['state'], string>> = {
  ok: '',
  near: ', near its limit',
  over: ', over its limit',
};

/** What was asked for, for the asker alone. */
export function standingAnswer(standings: readonly PodStanding[]): { text: string; blocks: object[] } {
  const text = standings.length === 0 ? NO_PODS : standings.map(describePod).join('\n');
  return { text: cutEscaped(text, TEXT_LENGTH_MAX), blocks: podBlocks(standings) };
}

/** The home of somebody; null for whoever is unknown to the organisation. */
export function homeView(standings: readonly PodStanding[] | null): object {
  const title = header('Your pods and what was approved for them');
  return {
    type: 'home',
    blocks: standings === null ? [section(UNKNOWN_PERSON)] : [title, ...podBlocks(standings)],
  };
}

export const UNKNOWN_PERSON =
  'Outturn does not know you: your e-mail address in Slack is no owner, finance partner or holder of a token. Ask whoever keeps the organisation file.';
const NO_PODS = 'You are neither owner nor finance partner of a pod. `/outturn POD` asks for one by its id.';

function podBlocks(standings: readonly PodStanding[]): object[] {
  if (standings.length === 0) return [section(NO_PODS)];
  const left = standings.length - PODS_MAX;
  return [
    ...standings.slice(0, PODS_MAX).map((standing) => section(describePod(standing))),
    ...(left > 0 ? [section(`And ${left} more: \`/outturn POD\` asks for one by its id.`)] : []),
  ];
}

function describePod({ podId, podName, envelopes, drift }: PodStanding): string {
  const name = `*${escapeForeign(podName)}* (${escapeForeign(podId)})`;
  const standing = envelopes.length === 0 ? ['No envelope is approved for today.'] : envelopes.map(describeEnvelope);
  return [name, ...standing, ...(drift === null ? [] : [describeDrift(drift)])].join('\n');
}

/** Shown to whoever looks; nobody is told of it. */
function describeDrift({ since, change, perMonth, currency }: OpenDrift): string {
  const more = formatMoney(perMonth, currency, perMonth);
  return `Since ${formatDay(since)} it runs ${formatShare(decimal(change), ONE)} above its cost at the last approval: ${more} more a month.`;
}

function describeEnvelope(envelope: StandingEnvelope): string {
  const { periodId, limit, currency, actual, state, dataAsOf, held, askedLimit } = envelope;
  const money = (amount: typeof limit) => formatMoney(amount, currency, limit);
  const { name } = formatPeriod(periodId);
  const figures =
    actual === null
      ? `${money(limit)}; nothing is known of it yet`
      : `${money(actual)} of ${money(limit)} (${formatShare(actual, limit)})${STATES[state]}`;
  const asked = askedLimit === null ? '' : ` A raise to ${money(askedLimit)} waits for a decision.`;
  const data = dataAsOf === null ? '' : ` Data as of ${formatDay(utcDate(dataAsOf))}.`;
  return `${name}: ${figures}.${asked}${held === null ? '' : ` ${escapeForeign(held, 300)}`}${data}`;
}
