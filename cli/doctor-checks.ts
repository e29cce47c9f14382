/**
 * The doctor's single checks. Each returns what it found in one sentence; a wrong one says what to change. None of them changes
 * anything but a probe file in the archive.
 */
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import type { SourceCheck } from '../connectors/connector.ts';
import { checkSource } from '../jobs/check-source.ts';
import { hasLiveWorker } from '../jobs/live-workers.ts';
import { listOverlaps } from '../services/billing/load-overlaps.ts';
import { AppError } from '../services/kernel/errors.ts';
import { silentProgress } from '../services/kernel/ports.ts';
import { hasRulebook, planOrganisation } from '../services/organisation/plan-organisation.ts';
import { listSources, type SourceStatus } from '../services/sources/list-sources.ts';
import { readOrganisationFile } from '../services/organisation/read-organisation-file.ts';
import { describeFailure } from './output.ts';
import type { Runtime } from './runtime.ts';

export interface Finding {
  readonly subject: string;
  readonly state: 'ok' | 'note' | 'wrong';
  readonly message: string;
}

/** The oldest PostgreSQL whose collations and functions the schema uses. */
const POSTGRES_MAJOR_MIN = 17;
const LOCKS_PER_TRANSACTION_MIN = 256;

export async function checkDatabase(runtime: Runtime): Promise<Finding[]> {
  const { rows } = await sql<{ version: number; locks: number; connections: number }>`
    select current_setting('server_version_num')::int / 10000 as version,
      current_setting('max_locks_per_transaction')::int as locks, current_setting('max_connections')::int as connections
  `.execute(runtime.db);
  const server = rows[0] ?? { version: 0, locks: 0, connections: 0 };
  const place = runtime.isEmbedded
    ? `embedded PostgreSQL ${server.version} under ${runtime.settings.dataDir}`
    : `PostgreSQL ${server.version}`;
  return [
    server.version < POSTGRES_MAJOR_MIN
      ? {
          subject: 'database',
          state: 'wrong',
          message: `${place} is too old. Outturn needs PostgreSQL ${POSTGRES_MAJOR_MIN} or newer.`,
        }
      : { subject: 'database', state: 'ok', message: `${place}, schema up to date, ${server.connections} connections` },
    server.locks < LOCKS_PER_TRANSACTION_MIN
      ? {
          subject: 'database locks',
          state: 'wrong',
          message: `max_locks_per_transaction is ${server.locks}. Set it to ${LOCKS_PER_TRANSACTION_MIN} or more in postgresql.conf and restart: every load is a partition that reports lock.`,
        }
      : { subject: 'database locks', state: 'ok', message: `max_locks_per_transaction is ${server.locks}` },
  ];
}

export async function checkQueue(runtime: Runtime): Promise<Finding> {
  try {
    const queue = await runtime.queue();
    const counts = await queue.counts();
    const waiting = (counts.bulk['waiting'] ?? 0) + (counts.quick['waiting'] ?? 0);
    const failed = (counts.bulk['failed'] ?? 0) + (counts.quick['failed'] ?? 0);
    const place = queue.backend === 'redis' ? 'Redis' : 'PostgreSQL';
    const state = `${waiting} waiting, ${failed} failed`;
    return (await hasLiveWorker(runtime))
      ? { subject: 'queue', state: 'ok', message: `on ${place}, a worker is alive, ${state}` }
      : {
          subject: 'queue',
          state: 'note',
          message: `on ${place}, no worker is running, ${state}. Start one with "outturn up" or "outturn worker".`,
        };
  } catch (error) {
    return { subject: 'queue', state: 'wrong', message: describeFailure(error) };
  }
}

export async function checkArchive(runtime: Runtime): Promise<Finding> {
  const folder = runtime.settings.archiveDir;
  const probe = join(folder, `.doctor-${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, '');
    await rm(probe);
    return { subject: 'archive', state: 'ok', message: `${folder} can be written` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      subject: 'archive',
      state: 'wrong',
      message: `${folder} cannot be written (${reason}). Correct its permissions or OUTTURN_ARCHIVE.`,
    };
  }
}

export async function checkOrganisationFile(
  runtime: Pick<Runtime, 'db' | 'clock'> & { readonly settings: Pick<Runtime['settings'], 'configPath'> },
): Promise<Finding> {
  const path = runtime.settings.configPath;
  const isApplied = await hasRulebook(runtime.db);
  try {
    await access(path);
  } catch {
    return {
      subject: 'organisation',
      state: 'note',
      message: isApplied
        ? `a rulebook is in force, but there is no file ${path} here to change it with`
        : `there is no ${path}: all cost is unattributed. "outturn init --from BILL" proposes one.`,
    };
  }
  try {
    const file = await readOrganisationFile(path);
    const { organisation } = file;
    if (isApplied && !(await planOrganisation(runtime.db, file, runtime.clock.now())).unchanged) {
      return {
        subject: 'organisation',
        state: 'note',
        message: `${path} is valid and says more than what is in force. Run "outturn plan", then "outturn apply".`,
      };
    }
    return isApplied
      ? {
          subject: 'organisation',
          state: 'ok',
          message: `${path} is valid (${organisation.pods.length} pods, ${organisation.rules.length} rules)`,
        }
      : {
          subject: 'organisation',
          state: 'note',
          message: `${path} is valid and not applied yet. Run "outturn plan", then "outturn apply".`,
        };
  } catch (error) {
    if (error instanceof AppError) return { subject: 'organisation', state: 'wrong', message: describeFailure(error) };
    throw error;
  }
}

/** What each source lacks, asked of its provider; and how its last look went, where that says more. */
export async function checkSources(runtime: Runtime): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const source of await listSources(runtime.db, runtime.clock.now())) {
    const isSynced = source.state !== 'notScheduled';
    const checks = isSynced ? await checkSource(runtime.jobContext(silentProgress), source.sourceId) : [];
    findings.push(...findingsOf(source, checks));
  }
  return findings;
}

/** The checks that are not well, then how the source stands: by itself, or where it was refused or paused for another reason. */
export function findingsOf(source: SourceStatus, checks: readonly SourceCheck[]): Finding[] {
  const subject = `source ${source.sourceId}`;
  const told = checks
    .filter(({ state }) => state !== 'ok')
    .map((check) => ({ ...check, subject: `${subject}, ${check.subject}` }));
  const isWrong = told.some(({ state }) => state === 'wrong');
  const { error } = source.lastRun ?? { error: null };
  if (source.state === 'paused' || source.refused !== null) {
    return [...told, { subject, state: 'wrong', message: source.summary }];
  }
  if (error !== null) {
    if (told.some(({ message }) => message === error.message)) return told;
    // It passes, or goes on tomorrow, by itself, and is tried again: nothing is to be mended.
    const passes = error.code === 'transient' || error.code === 'source_budget';
    return [...told, { subject, state: passes ? 'note' : 'wrong', message: source.summary }];
  }
  if (isWrong) return told;
  return [...told, { subject, state: source.latest === null ? 'note' : 'ok', message: source.summary }];
}

/** Bills that two sources both deliver. Charges equal to the last decimal are one bill twice; else it may be meant. */
export async function checkOverlaps(runtime: Runtime): Promise<Finding[]> {
  return (await listOverlaps(runtime.db)).map((warning) => ({
    subject: 'overlap',
    state: warning.sameCharges === '0' ? 'note' : 'wrong',
    message: warning.message,
  }));
}
