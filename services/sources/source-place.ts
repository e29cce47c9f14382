/**
 * Which place a source's deliveries come from: its kind and every setting that decides where it looks and how it reads. A file fetched
 * from one bucket says nothing about a file of the same name in another.
 */
import { createHash } from 'node:crypto';
import { recordOf } from './source-settings.ts';

/** Settings that only say when to look, what a look may cost and who asks. Any other that changes makes another place. */
const ELSEWHERE: ReadonlySet<string> = new Set(['schedule', 'requestsPerDayMax', 'bytesBilledPerDayMax', 'profile']);

/** In hex; the same for the same settings in whatever order. */
export function placeOf(kind: string, settings: unknown): string {
  const own = Object.entries(recordOf(settings)).filter(
    // Cost Explorer has no bucket: who asks decides whose costs it answers with.
    ([name]) => !ELSEWHERE.has(name) || (name === 'profile' && kind === 'aws-cost-explorer'),
  );
  return createHash('sha256')
    .update(JSON.stringify([kind, ordered(Object.fromEntries(own))]))
    .digest('hex')
    .slice(0, 32);
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([name, held]): [string, unknown] => [name, ordered(held)])
    .sort(([left], [right]) => (left < right ? -1 : 1));
}
