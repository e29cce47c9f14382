/**
 * Billing periods of which a place holds fewer files than were read from it, and none that is new. A folder says neither that its files
 * are all there are nor why one went: somebody tidied up, a lifecycle rule came by, or the bill was taken back. What was published stays
 * until that is known, and is told at every look. A period with a new file was delivered anew and is replaced as a whole (ADR 31).
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { InspectedFile } from '../billing/inspected-file.ts';
import { billingPeriodName, type IsoDate } from '../kernel/period.ts';
import { readNewestLoads } from './newest-loads.ts';

export interface PresentFiles {
  readonly sourceId: string;
  readonly place: string;
  readonly files: readonly InspectedFile[];
  /** The period that they are all of; null: any. */
  readonly period: { readonly start: IsoDate; readonly end: IsoDate } | null;
  /** Somebody said that a period may lose files. One that lost all of them stays even then: nothing is there to replace it. */
  readonly mayDrop: boolean;
}

/** The files of the periods that may be registered, and of the others what is missing, in words. */
export async function leaveShrunkPeriods(
  db: Kysely<DB>,
  given: PresentFiles,
): Promise<{ files: InspectedFile[]; told: string[] }> {
  const left = new Set<string>();
  const told: string[] = [];
  for (const load of await readNewestLoads(db, given)) {
    const name = billingPeriodName(load.start, load.end);
    const present = given.files.filter(({ periods }) => periods.some((one) => sameName(one, name)));
    const hashes = new Set(present.map(({ sha256 }) => sha256));
    const known = new Set(load.files.map(({ sha256 }) => sha256));
    const gone = load.files.filter(({ sha256 }) => !hashes.has(sha256)).map((file) => file.name);
    const isNew = present.some(({ sha256 }) => !known.has(sha256));
    if (gone.length === 0 || isNew || (given.mayDrop && present.length > 0)) continue;
    left.add(name);
    told.push(describe(name, gone, { ...given, isEmpty: present.length === 0 }));
  }
  const files = given.files.flatMap((file) => {
    const periods = file.periods.filter(({ start, end }) => !left.has(billingPeriodName(start, end)));
    return periods.length === 0 && file.periods.length > 0 ? [] : [{ ...file, periods }];
  });
  return { files, told };
}

function sameName({ start, end }: { start: IsoDate; end: IsoDate }, name: string): boolean {
  return billingPeriodName(start, end) === name;
}

const NAMES_TOLD_MAX = 5;

function describe(
  period: string,
  gone: readonly string[],
  { sourceId, isEmpty }: { sourceId: string; isEmpty: boolean },
): string {
  const more = gone.length > NAMES_TOLD_MAX ? ` and ${gone.length - NAMES_TOLD_MAX} more` : '';
  const names = `${gone.slice(0, NAMES_TOLD_MAX).join(', ')}${more}`;
  return isEmpty
    ? `${period} has no file there any more (${names} went); its charges stay as published`
    : `${period} lacks ${names}, which was read before; its charges stay as published until a new file comes, or until somebody asks for what is left (outturn ingest --source ${sourceId} --replace, mayDropAccounts over HTTP)`;
}
