/**
 * The SQL over one export's table. Only columns that the table has are named, since Google adds some over time and the three exports differ;
 * every cell is asked for as the text it is to have in the file, but for FLOAT64, whose text BigQuery's answer already is.
 *
 * An export's rows lie in partitions of a day. Rows are only ever added, to whichever day they belong, also months later: corrections and
 * late usage. So a file of ours is what one partition has of one invoice month, and it changes where the partition does.
 *
 * Source: Google Cloud Billing documentation, "Structure of Standard / Detailed / FOCUS data export"; BigQuery documentation, "PARTITIONS view".
 */
import { AppError } from '../../services/kernel/errors.ts';
import { addDays, type IsoDate } from '../../services/kernel/period.ts';
import type { TableDescription, TableField } from './bigquery-session.ts';
import { type ExportPlace, tableName } from './export-place.ts';

/** What the dialect of Google's own formats reads; other columns would be paid for and not be looked at. */
const COST_COLUMNS = new Set(
  `billing_account_id service.id service.description sku.id sku.description usage_start_time usage_end_time project.id project.name
  project.labels labels system_labels tags location.location location.region resource.name resource.global_name export_time cost
  cost_at_list currency currency_conversion_rate usage.amount usage.unit credits invoice.month cost_type seller_name`.split(
    /\s+/,
  ),
);
/** Of a FOCUS export, in the order in which a later one counts where two name one key. */
export const FOCUS_LABELS: readonly string[] = ['x_SystemLabels', 'x_ProjectLabels', 'x_Tags', 'x_Labels'];
/** With more, the whole table is as quick to ask. */
const RANGES_MAX = 200;

export interface ExportColumn {
  /** As the file has it: `project.id`, `BilledCost`. */
  readonly name: string;
  readonly isFloat: boolean;
  readonly sql: string;
}

export interface ExportTable {
  readonly place: ExportPlace;
  readonly format: 'standard' | 'detailed' | 'FOCUS';
  readonly columns: readonly ExportColumn[];
  /** False of a view and of a table without partitions: its days are those of the export itself. */
  readonly isPartitioned: boolean;
  readonly description: TableDescription;
  /** Rows, newest export and sum by invoice month and day: month (YYYY-MM), day (YYYYMMDD), count, microseconds, decimal text. */
  daysQuery(filter: { days?: readonly IsoDate[]; months?: readonly string[] }): string;
  /** Every partition: its id, rows, microseconds of its last change. */
  partitionsQuery(): string;
  /** The cells of `columns`, of one day of one invoice month. */
  rowsQuery(month: string, day: IsoDate): string;
}

/** @throws AppError source_refused where the table is no export of a bill. */
export function readExportTable(place: ExportPlace, description: TableDescription): ExportTable {
  const leaves = description.fields.flatMap((field) => leavesOf(field, []));
  const names = new Set(leaves.map(({ name }) => name));
  const isFocus = ['BilledCost', 'BillingPeriodStart', 'x_ExportTime'].every((name) => names.has(name));
  const isCost = ['cost', 'credits', 'currency', 'invoice.month', 'export_time'].every((name) => names.has(name));
  if (!isFocus && !isCost) {
    throw new AppError(
      'source_refused',
      `${tableName(place)} is no export of Cloud Billing's usage cost: it lacks cost, credits, currency, invoice.month or export_time. Name the table gcp_billing_export_v1_…, gcp_billing_export_resource_v1_… or gcp_billing_export_focus_….`,
    );
  }
  const from = `\`${place.projectId}.${place.datasetId}.${place.tableId}\``;
  const partition = partitionOf(description);
  const exportedAt = isFocus ? '`x_ExportTime`' : '`export_time`';
  const clock = partition ?? { column: exportedAt, type: 'TIMESTAMP' };
  const month = isFocus
    ? "format_timestamp('%Y-%m', `BillingPeriodStart`)"
    : "concat(substr(`invoice`.`month`, 1, 4), '-', substr(`invoice`.`month`, 5, 2))";
  const ofMonth = (name: string) =>
    isFocus ? `${month} = '${name}'` : `\`invoice\`.\`month\` = '${name.replace('-', '')}'`;
  const during = ({ start, end }: DayRange) => {
    const literal = (day: IsoDate) => `${clock.type.toLowerCase()} '${day}'`;
    return `(${clock.column} >= ${literal(start)} and ${clock.column} < ${literal(end)})`;
  };
  const dayName =
    clock.type === 'DATE' ? `format_date('%Y%m%d', ${clock.column})` : `format_timestamp('%Y%m%d', ${clock.column})`;
  const columns = leaves.filter(({ name }) => isFocus || COST_COLUMNS.has(name));
  return {
    place,
    format: isFocus ? 'FOCUS' : names.has('resource.name') ? 'detailed' : 'standard',
    columns,
    isPartitioned: partition !== null,
    description,
    daysQuery: ({ days, months }) => {
      const ranges = days === undefined ? [] : rangesOf(days);
      const tests = [
        ...(ranges.length === 0 || ranges.length > RANGES_MAX ? [] : [`(${ranges.map(during).join(' or ')})`]),
        ...(months === undefined ? [] : [`(${months.map(ofMonth).join(' or ')})`]),
      ];
      return `select ${month} as c0, ${dayName} as c1, cast(count(*) as string) as c2,
        cast(unix_micros(max(${exportedAt})) as string) as c3, cast(sum(cast(${isFocus ? '`BilledCost`' : '`cost`'} as bignumeric)) as string) as c4
        from ${from} ${tests.length === 0 ? '' : `where ${tests.join(' and ')}`} group by 1, 2 order by 1, 2`;
    },
    partitionsQuery: () => `select partition_id as c0, cast(sum(total_rows) as string) as c1,
        cast(unix_micros(max(last_modified_time)) as string) as c2
        from \`${place.projectId}.${place.datasetId}\`.INFORMATION_SCHEMA.PARTITIONS
        where table_name = '${place.tableId}' and partition_id is not null group by 1 order by 1`,
    rowsQuery: (name, day) =>
      `select ${columns.map(({ sql }, index) => `${sql} as c${index}`).join(', ')}
        from ${from} where ${ofMonth(name)} and ${during({ start: day, end: addDays(day, 1) })}`,
  };
}

interface DayRange {
  readonly start: IsoDate;
  readonly end: IsoDate;
}

/** Days that follow each other asked for as one. */
function rangesOf(days: readonly IsoDate[]): DayRange[] {
  const ranges: { start: IsoDate; end: IsoDate }[] = [];
  for (const day of days.toSorted()) {
    const last = ranges.at(-1);
    if (last?.end === day) last.end = addDays(day, 1);
    else ranges.push({ start: day, end: addDays(day, 1) });
  }
  return ranges;
}

function partitionOf({
  partitioning,
  fields,
}: TableDescription): { column: string; type: 'TIMESTAMP' | 'DATE' } | null {
  if (partitioning?.type !== 'DAY') return null;
  if (partitioning.field === null) return { column: '_PARTITIONTIME', type: 'TIMESTAMP' };
  const type = fields.find(({ name }) => name === partitioning.field)?.type;
  return type === 'TIMESTAMP' || type === 'DATE' ? { column: `\`${partitioning.field}\``, type } : null;
}

/** A structure's fields each by itself, as `project.id`; lists and what else is nested as JSON. */
function leavesOf(field: TableField, parents: readonly string[]): ExportColumn[] {
  const path = [...parents, field.name];
  const isStruct = field.type === 'RECORD' || field.type === 'STRUCT';
  if (isStruct && field.mode !== 'REPEATED' && !field.name.startsWith('x_')) {
    return field.fields.flatMap((inner) => leavesOf(inner, path));
  }
  const cell = path.map((part) => `\`${part}\``).join('.');
  const isFloat = field.type === 'FLOAT' || field.type === 'FLOAT64';
  return [{ name: path.join('.'), isFloat: isFloat && field.mode !== 'REPEATED', sql: textSql(cell, field, isStruct) }];
}

function textSql(cell: string, { type, mode }: TableField, isStruct: boolean): string {
  if (mode === 'REPEATED' || isStruct || type === 'JSON') return `to_json_string(${cell})`;
  if (type === 'STRING' || type === 'FLOAT' || type === 'FLOAT64') return cell;
  if (type === 'TIMESTAMP') return `format_timestamp('%Y-%m-%dT%H:%M:%E6SZ', ${cell})`;
  return `cast(${cell} as string)`;
}
