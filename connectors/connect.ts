/**
 * The connector of each kind of source. Each is loaded when it is asked for: the SDKs of the clouds take longer to load than most commands
 * take to run.
 */
import { AppError } from '../services/kernel/errors.ts';
import type { Connect } from './connector.ts';

const CONNECTORS: Readonly<Record<string, () => Promise<Connect>>> = {
  'aws-cost-explorer': async () =>
    (await import('./aws-cost-explorer/connect-aws-cost-explorer.ts')).connectAwsCostExplorer,
  'aws-data-export': async () => (await import('./aws-data-export/connect-aws-data-export.ts')).connectAwsDataExport,
  'azure-cost-export': async () =>
    (await import('./azure-cost-export/connect-azure-cost-export.ts')).connectAzureCostExport,
  'focus-files': async () => (await import('./focus-files/connect-focus-files.ts')).connectFocusFiles,
  'gcp-bigquery-export': async () =>
    (await import('./gcp-bigquery-export/connect-gcp-bigquery-export.ts')).connectGcpBigQueryExport,
  'oci-cost-reports': async () =>
    (await import('./oci-cost-reports/connect-oci-cost-reports.ts')).connectOciCostReports,
};

/** @throws AppError invalid_input for a kind that this version cannot fetch by itself. */
export async function connectorOf(source: { id: string; kind: string }): Promise<Connect> {
  const load = CONNECTORS[source.kind];
  if (load !== undefined) return load();
  throw new AppError(
    'invalid_input',
    `The source "${source.id}" is of kind ${source.kind}, which this version cannot fetch by itself. Export its bills as files and run: outturn ingest FILES --source ${source.id}`,
  );
}
