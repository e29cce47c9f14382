/** Where a billing export lies and who pays for asking it, as the organisation file says: the keys of kind gcp-bigquery-export. */
import { AppError } from '../../services/kernel/errors.ts';
import type { ConnectedSource } from '../connector.ts';

export interface ExportPlace {
  readonly sourceId: string;
  /** The project, the dataset and the table of the export. */
  readonly projectId: string;
  readonly datasetId: string;
  readonly tableId: string;
  /** The project that queries run in and are charged to; the export's own unless named. */
  readonly queryProjectId: string;
  /** `012345-6789AB-CDEF01`, as Google puts it into the table's name; null of a table or view that somebody named. */
  readonly billingAccountId: string | null;
  /** Other addresses of the two services: a private endpoint, a test's double. */
  readonly endpoint?: string;
  readonly billingEndpoint?: string;
}

const TABLE = /^((?:[a-z0-9.-]+:)?[a-z][a-z0-9-]+)[.:]([A-Za-z0-9_]+)\.([A-Za-z0-9_-]+)$/;
const PROJECT = /^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]+$/;
const ACCOUNT = /_([0-9A-F]{6})[_-]([0-9A-F]{6})[_-]([0-9A-F]{6})$/i;

/**
 * The place that `table`, `project`, `endpoint` and `billingEndpoint` name.
 * @throws AppError invalid_input for one that is missing or has another form.
 */
export function readExportPlace({ id, settings }: ConnectedSource): ExportPlace {
  const text = (name: string) => {
    const value = settings[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
  const refuse = (sentence: string) => new AppError('invalid_input', `The source "${id}" ${sentence}`);
  const table = text('table')?.replaceAll('`', '');
  if (table === undefined) {
    throw refuse('names no table. Add table: project.dataset.table to it and run "outturn apply".');
  }
  const [, projectId = '', datasetId = '', tableId = ''] = TABLE.exec(table) ?? [];
  if (tableId === '') {
    throw refuse(
      `names the table "${table}". Write project.dataset.table, as BigQuery shows it under "Table ID" of the export's table.`,
    );
  }
  const queryProjectId = text('project') ?? projectId;
  if (!PROJECT.test(queryProjectId)) throw refuse(`names the project "${queryProjectId}". Write a project's id.`);
  const [endpoint, billingEndpoint] = [text('endpoint'), text('billingEndpoint')];
  for (const [name, address] of Object.entries({ endpoint, billingEndpoint })) {
    if (address !== undefined && !URL.canParse(address)) {
      throw refuse(`has ${name}: "${address}", which is no address. Write https://….`);
    }
  }
  return {
    sourceId: id,
    projectId,
    datasetId,
    tableId,
    queryProjectId,
    billingAccountId: accountOf(tableId),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(billingEndpoint === undefined ? {} : { billingEndpoint }),
  };
}

/** The billing accounts that the organisation's other sources of this kind read, each with its source's id. */
export function coveredAccounts(others: readonly ConnectedSource[]): ReadonlyMap<string, string> {
  const covered = new Map<string, string>();
  for (const { id, kind, settings } of others) {
    const { table } = settings;
    const account = kind === 'gcp-bigquery-export' && typeof table === 'string' ? accountOf(table) : null;
    if (account !== null) covered.set(account, id);
  }
  return covered;
}

function accountOf(table: string): string | null {
  const account = ACCOUNT.exec(table.replaceAll('`', '').trim());
  return account === null ? null : account.slice(1).join('-').toUpperCase();
}

/** As BigQuery names it in messages and as `table` is written. */
export function tableName({ projectId, datasetId, tableId }: ExportPlace): string {
  return `${projectId}.${datasetId}.${tableId}`;
}
