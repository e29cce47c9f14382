/** What can be done with an export, permission by permission in the order in which one sets them up; each wrong one with its fix. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import type { SourceCheck } from '../connector.ts';
import { type BillingAccount, type BillingAccounts, openBillingAccounts, PROJECTS_MAX } from './billing-accounts.ts';
import type { BigQuerySession } from './bigquery-session.ts';
import { type ExportPlace, tableName } from './export-place.ts';
import { type ExportTable, readExportTable } from './export-table.ts';
import { priceOf } from './query-price.ts';

const PROJECTS_NAMED_MAX = 5;
const MIB = 1_048_576;

/** Credentials, the table, queries; ends with the first of them that is wrong, since each needs those before it. Then billing accounts. */
export async function* checkExport(
  place: ExportPlace,
  session: BigQuerySession,
  covered: ReadonlyMap<string, string>,
): AsyncIterable<SourceCheck> {
  const identity = await attempt(session.credentials());
  if (identity instanceof Error) {
    yield wrong('credentials', identity);
    return;
  }
  yield { subject: 'credentials', state: 'ok', message: identity };

  const table = await attempt(session.describeTable().then((described) => readExportTable(place, described)));
  if (table instanceof Error) {
    yield wrong('bigquery.tables.get', table);
    return;
  }
  const { location } = table.description;
  yield {
    subject: 'bigquery.tables.get',
    state: 'ok',
    message: `${tableName(place)} is a ${table.format} export in ${location}`,
  };
  yield* checkExpiry(table);

  const bytes = await attempt(session.estimate({ sql: table.daysQuery({}) }));
  if (bytes instanceof Error) {
    yield wrong('bigquery.jobs.create, bigquery.tables.getData', bytes);
    return;
  }
  yield {
    subject: 'bigquery.jobs.create, bigquery.tables.getData',
    state: 'ok',
    message: `queries run in ${place.queryProjectId}; to count the whole table reads ${Math.round(bytes / MIB)} MiB ($${priceOf(bytes)})`,
  };
  if (table.isPartitioned) {
    const partitions = await attempt(session.estimate({ sql: table.partitionsQuery() }));
    yield partitions instanceof Error
      ? {
          subject: 'bigquery.tables.list',
          state: 'note',
          message: `the record of partitions cannot be read, so that every look counts the whole table. Grant roles/bigquery.dataViewer on the dataset ${place.datasetId}, not on the table alone.`,
        }
      : { subject: 'bigquery.tables.list', state: 'ok', message: 'only days that changed are asked for' };
  }
  const accounts = openBillingAccounts(place);
  try {
    yield* checkAccounts(place, accounts, covered);
  } finally {
    await accounts.close();
  }
}

function* checkExpiry({ description, place }: ExportTable): Iterable<SourceCheck> {
  if (description.partitionExpiryMs === null) return;
  const days = Math.floor(Number(description.partitionExpiryMs) / 86_400_000);
  yield {
    subject: 'expiration',
    state: 'note',
    message: `partitions of ${place.tableId} are deleted after ${days} days; months that lose some stay as they were published then`,
  };
}

async function* checkAccounts(
  place: ExportPlace,
  accounts: BillingAccounts,
  covered: ReadonlyMap<string, string>,
): AsyncIterable<SourceCheck> {
  const { billingAccountId } = place;
  if (billingAccountId === null) {
    yield {
      subject: 'billing account',
      state: 'note',
      message: `${place.tableId} does not end in a billing account's id, so whose export it is cannot be checked`,
    };
    return;
  }
  const account = await asked(accounts.get(billingAccountId));
  if (account instanceof Error) {
    yield {
      subject: 'billing account',
      state: 'note',
      message: `the billing account ${billingAccountId} may not be looked at (${reasonOf(account)}), so projects without an export cannot be found. Grant roles/billing.viewer on it and enable cloudbilling.googleapis.com, if that is wanted.`,
    };
    return;
  }
  const projects = await asked(accounts.projects(billingAccountId));
  const count = projects instanceof Error ? 'its projects may not be listed' : `it pays for ${countOf(projects)}`;
  yield {
    subject: 'billing account',
    state: account.isOpen ? 'ok' : 'note',
    message: `${nameOf(account)}${account.isOpen ? '' : ' is closed'}: ${count}`,
  };
  if (!(projects instanceof Error)) yield* checkProject(place, account, projects);
  const visible = await asked(accounts.list());
  if (visible instanceof Error) return;
  for (const other of visible) {
    if (other.id !== billingAccountId && other.isOpen) yield* checkOther(other, accounts, covered.get(other.id));
  }
}

/** An export holds its own account's projects alone. */
async function* checkOther(
  other: BillingAccount,
  accounts: BillingAccounts,
  sourceId: string | undefined,
): AsyncIterable<SourceCheck> {
  const projects = await asked(accounts.projects(other.id));
  if (projects instanceof Error || projects.length === 0) return;
  const subject = `billing account ${other.id}`;
  const pays = `${nameOf(other)} pays for ${countOf(projects)}`;
  yield sourceId === undefined
    ? {
        subject,
        state: 'note',
        message: `${pays}, of which no source reads the export. Enable its export and add a source for it.`,
      }
    : { subject, state: 'ok', message: `${pays}, whose export the source "${sourceId}" reads` };
}

/** Google asks for a project that the account itself pays for; another is the sign of a copy, or of a project that was moved. */
function* checkProject(
  { projectId }: ExportPlace,
  { id }: BillingAccount,
  projects: readonly string[],
): Iterable<SourceCheck> {
  if (projects.includes(projectId) || projects.length >= PROJECTS_MAX) return;
  yield {
    subject: 'project of the export',
    state: 'note',
    message: `${projectId}, in which the export lies, is not among the projects that ${id} pays for, as Google asks for. Link it to that account; if the table is a copy, check that it still gets rows.`,
  };
}

function nameOf({ id, displayName }: BillingAccount): string {
  return displayName === '' ? id : `${displayName} (${id})`;
}

function countOf(projects: readonly string[]): string {
  const named = projects.slice(0, PROJECTS_NAMED_MAX).join(', ');
  const more = projects.length > PROJECTS_NAMED_MAX ? ', …' : '';
  const count = `${projects.length} ${projects.length === 1 ? 'project' : 'projects'}`;
  return projects.length === 0 ? count : `${count} (${named}${more})`;
}

/** What refuses or fails is an answer here; anything else is a bug. */
async function attempt<Answer>(call: Promise<Answer>): Promise<Answer | Error> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof AppError || error instanceof TransientError) return error;
    throw error;
  }
}

/** Of Cloud Billing, which the source does without: whatever it answers is no more than a note. */
async function asked<Answer>(call: Promise<Answer>): Promise<Answer | Error> {
  try {
    return await call;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** By gRPC's codes, as the SDK has them. */
function reasonOf(error: Error): string {
  const { code } = error as Error & { code?: unknown };
  if (code === 7 || code === 403) return 'not permitted, or its API is not enabled';
  if (code === 5 || code === 404) return 'it is not there';
  if (code === 8 || code === 429) return 'asked too often';
  return 'no answer';
}

function wrong(subject: string, { message }: Error): SourceCheck {
  return { subject, state: 'wrong', message };
}
