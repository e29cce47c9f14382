/** What the settings of a source say about when to look at it, with the defaults of its kind. */
import type { SourceSchedule } from './next-run.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * HOUR_MS;
const JITTER_DEFAULT = 'PT10M';

/** Deliveries in a bucket or folder cost next to nothing to look at; queries and paid calls do. */
const CRON_DEFAULTS: Readonly<Record<string, string>> = {
  'aws-cost-explorer': '0 */6 * * *',
  'gcp-bigquery-export': '0 */3 * * *',
};
const CRON_DEFAULT = '0 * * * *';

/** Null where the source is only looked at when somebody asks. */
export function readSchedule(kind: string, settings: unknown): SourceSchedule | null {
  const given = recordOf(recordOf(settings)['schedule']);
  if (given['manual'] === true) return null;
  return {
    cron: textOf(given['cron']) ?? CRON_DEFAULTS[kind] ?? CRON_DEFAULT,
    timeZone: textOf(given['timeZone']) ?? 'UTC',
    jitterMs: durationMs(textOf(given['jitter']) ?? JITTER_DEFAULT),
  };
}

/** An ISO 8601 duration of weeks, or of days, hours, minutes and seconds, in milliseconds; zero of months and years, whose length differs. */
function durationMs(text: string): number {
  const parts = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text);
  const lengthsMs = [7 * DAY_MS, DAY_MS, HOUR_MS, MINUTE_MS, 1_000];
  return lengthsMs.reduce((sum, lengthMs, index) => sum + lengthMs * Number(parts?.[index + 1] ?? 0), 0);
}

/** An object, empty where it is none. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
