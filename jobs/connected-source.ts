/** A source of the organisation as a connector gets it. */
import { dirname } from 'node:path';
import type { BillHint, ConnectedSource, ConnectionContext } from '../connectors/connector.ts';
import { AppError } from '../services/kernel/errors.ts';
import { hintOfSettings, readDefaultHint } from '../services/sources/bill-hint.ts';
import { placeOf } from '../services/sources/source-place.ts';
import { recordOf } from '../services/sources/source-settings.ts';
import { countSpending } from '../services/sources/spending.ts';
import type { JobContext } from './job-context.ts';

export interface Source extends ConnectedSource {
  /** What its fetched files are of; see source-place.ts. */
  readonly place: string;
  /** What its settings say of its bills. */
  readonly hint: BillHint;
  /** What is assumed where neither they nor a delivery do. */
  readonly defaultHint: BillHint;
}

/** What a connector may ask of us: the time, and to count what its calls cost. */
export function connectionContext(context: JobContext, source: Source): ConnectionContext {
  const limits = recordOf(source.settings);
  const limitOf = (name: string) => (typeof limits[name] === 'number' ? { [name]: limits[name] } : {});
  return {
    now: context.clock.now(),
    signal: context.signal,
    logger: context.logger,
    spend: (spending) =>
      countSpending(context.db, {
        sourceId: source.id,
        ...spending,
        ...limitOf('requestsPerDayMax'),
        ...limitOf('bytesBilledPerDayMax'),
        at: context.clock.now(),
      }),
  };
}

/** @throws AppError not_found for a source that the organisation does not have. */
export async function readSource(
  { db, settings }: Pick<JobContext, 'db' | 'settings'>,
  sourceId: string,
): Promise<Source> {
  const source = await db
    .selectFrom('source')
    .select(['id', 'kind', 'settings'])
    .where('id', '=', sourceId)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
  if (source === undefined) {
    throw new AppError(
      'not_found',
      `There is no source "${sourceId}". Add it to the organisation file and run "outturn apply".`,
    );
  }
  return {
    ...source,
    settings: recordOf(source.settings),
    baseFolder: dirname(settings.configPath),
    place: placeOf(source.kind, source.settings),
    hint: hintOfSettings(source.settings),
    defaultHint: await readDefaultHint(db),
  };
}

/** What else the organisation's bills come from. */
export async function readOtherSources(
  { db, settings }: Pick<JobContext, 'db' | 'settings'>,
  { id }: Pick<Source, 'id'>,
): Promise<ConnectedSource[]> {
  const sources = await db
    .selectFrom('source')
    .select(['id', 'kind', 'settings'])
    .where('id', '<>', id)
    .where('removed_at', 'is', null)
    .orderBy('id')
    .execute();
  const baseFolder = dirname(settings.configPath);
  return sources.map((source) => ({ ...source, settings: recordOf(source.settings), baseFolder }));
}
