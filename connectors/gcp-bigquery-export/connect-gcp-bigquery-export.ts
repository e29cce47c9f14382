/**
 * A source of kind gcp-bigquery-export: the export of Cloud Billing to BigQuery, standard, detailed or FOCUS. What it delivers are days of
 * invoice months, made by queries; a month is always delivered whole, of which only the days that changed are asked for.
 */
import type { Connect } from '../connector.ts';
import { openBigQuery } from './bigquery-session.ts';
import { checkExport } from './check-export.ts';
import { coveredAccounts, readExportPlace } from './export-place.ts';
import { readExportTable } from './export-table.ts';
import { fetchDay } from './fetch-day.ts';
import { listDays } from './list-days.ts';

export const connectGcpBigQueryExport: Connect = async (source, context) => {
  const place = readExportPlace(source);
  const session = openBigQuery(place, context);
  const table = async () => readExportTable(place, await session.describeTable());
  return {
    list: async (request) => listDays(session, await table(), request, context),
    fetch: async (file, target) => fetchDay(session, await table(), file, target),
    check: (others = []) => checkExport(place, session, coveredAccounts(others)),
    close: async () => {},
  };
};
