/**
 * Multiplies resources by days and hours into the lines of one cloud's bills, inside DuckDB: usage, Google's credits, commitments
 * bought, used and unused, fixed charges, corrections of the month before, and tax.
 * Money is BIGINT pico-units (10^-12) until it is printed, so that every line, and every sum of lines, is exact. Noise is
 * integer arithmetic written out here, because DuckDB's own hash() may change between versions.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { daysBetween } from '../../services/kernel/period.ts';
import type { Cloud } from './cloud-service.ts';
import { listFixedCharges } from './fixed-charges.ts';
import { awsServiceCode, listResources, WEEKEND_BP } from './resources.ts';
import type { SampleCalendar } from './sample-calendar.ts';
import { driftPpm } from './spend-plan.ts';

/** About so many lines come out, however many days the four quarters have had so far. */
const LINES_WANTED = 250_000;
/** A commitment covers what is planned to run, and a little more: the rest shows as unused. */
const COMMITTED_SHARE_BP = 11_200;

const RESOURCE_COLUMNS = {
  n: 'INTEGER',
  pricePerUnit: 'BIGINT',
  contractedPrice: 'BIGINT',
  effectivePrice: 'BIGINT',
  perDay: 'BIGINT',
  hourly: 'BOOLEAN',
  covered: 'BOOLEAN',
  rests: 'BOOLEAN',
  drifts: 'BOOLEAN',
  creditBp: 'BIGINT',
  fromDate: 'DATE',
  untilDate: 'DATE',
  serviceName: 'VARCHAR',
  serviceCategory: 'VARCHAR',
  serviceSubcategory: 'VARCHAR',
  serviceCode: 'VARCHAR',
  operation: 'VARCHAR',
  description: 'VARCHAR',
  sku: 'VARCHAR',
  skuPriceId: 'VARCHAR',
  unit: 'VARCHAR',
  resourceId: 'VARCHAR',
  resourceName: 'VARCHAR',
  resourceType: 'VARCHAR',
  regionId: 'VARCHAR',
  regionName: 'VARCHAR',
  subAccountId: 'VARCHAR',
  subAccountName: 'VARCHAR',
  tags: 'VARCHAR',
};

const FIXED_COLUMNS = {
  f: 'INTEGER',
  chargeCategory: 'VARCHAR',
  chargeFrequency: 'VARCHAR',
  description: 'VARCHAR',
  serviceName: 'VARCHAR',
  serviceCategory: 'VARCHAR',
  serviceSubcategory: 'VARCHAR',
  publisher: 'VARCHAR',
  subAccountId: 'VARCHAR',
  subAccountName: 'VARCHAR',
  tags: 'VARCHAR',
  perMonthNano: 'BIGINT',
  taxBp: 'BIGINT',
  monthRemainder: 'INTEGER',
};

const MACROS = `
  CREATE MACRO stir(x) AS (xor(x, x >> 13) * 48271) % 2147483647;
  CREATE MACRO noise(a, b, c) AS stir(stir(stir((a * 7919 + b * 104729 + c * 611953 + 20260) % 2147483647)));
  CREATE MACRO money(pico) AS CAST(pico AS DECIMAL(26,0)) * CAST('0.000000000001' AS DECIMAL(12,12));
  CREATE MACRO quantity(micro) AS CAST(micro AS DECIMAL(26,0)) * CAST('0.000001' AS DECIMAL(6,6));
  CREATE MACRO price(nano) AS CAST(nano AS DECIMAL(26,0)) * CAST('0.000000001' AS DECIMAL(9,9));
  CREATE MACRO plain(number) AS CASE WHEN contains(number::VARCHAR, '.')
    THEN rtrim(rtrim(number::VARCHAR, '0'), '.') ELSE number::VARCHAR END;`;

/** Fills the tables `resource`, `fixed` and `line` for one cloud. Costs are pico-units, quantities micro-units. */
export async function buildLines(connection: DuckDBConnection, calendar: SampleCalendar, cloud: Cloud): Promise<void> {
  const resources = listResources(calendar).filter((resource) => resource.cloud === cloud);
  const fixed = listFixedCharges().filter((charge) => charge.cloud === cloud);
  const lastMonth = calendar.months.at(-1);
  const weeks = Math.ceil(daysBetween(calendar.start, lastMonth?.end ?? calendar.end) / 7);
  await connection.run(MACROS);
  await createTable(connection, 'resource', RESOURCE_COLUMNS, resources.map(resourceRow));
  await createTable(
    connection,
    'fixed',
    FIXED_COLUMNS,
    fixed.map((charge, index) => ({ ...charge, f: index + 1 })),
  );
  await createTable(
    connection,
    'drift',
    { week: 'INTEGER', ppm: 'BIGINT' },
    driftPpm(weeks).map((ppm, week) => ({ week, ppm })),
  );
  await connection.run(daysSql(calendar, lastMonth?.end ?? calendar.end));
  await connection.run(usageSql(hoursPerDay(calendar)));
  await connection.run(COVERED_SQL);
  if (cloud === 'gcp') await connection.run(GOOGLE_SQL);
  if (cloud === 'aws') await connection.run(SAVINGS_PLAN_SQL);
  if (cloud === 'azure') await connection.run(RESERVATION_SQL);
  await connection.run(CORRECTIONS_SQL);
  await connection.run(FIXED_SQL);
  await connection.run(TAX_SQL);
}

function resourceRow(resource: ReturnType<typeof listResources>[number]): Record<string, unknown> {
  const { service } = resource;
  return {
    ...service,
    ...resource,
    pricePerUnit: service.listPriceNano,
    contractedPrice: resource.contractedPriceNano,
    effectivePrice: resource.effectivePriceNano,
    perDay: resource.perDayNano,
    hourly: service.hourly === true,
    covered: service.covered === true,
    rests: service.rests === true,
    fromDate: resource.from,
    untilDate: resource.until,
    serviceCode: awsServiceCode(service),
  };
}

/** BIGINT columns travel as JSON strings: a JSON number would pass through a double. */
async function createTable(
  connection: DuckDBConnection,
  name: string,
  columns: Record<string, string>,
  rows: readonly Record<string, unknown>[],
): Promise<void> {
  const json = JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  const shape = JSON.stringify([columns]);
  await connection.run(`CREATE TABLE ${name} AS SELECT unnest(from_json($1, '${shape}'), recursive := true)`, [json]);
}

/** How many hours a day hourly resources run, so that the number of lines comes out near what is wanted. */
function hoursPerDay(calendar: SampleCalendar): number {
  let hourlyDays = 0;
  let otherLines = calendar.days * 4;
  for (const { service, from, until } of listResources(calendar)) {
    const days = daysBetween(from, until);
    if (service.hourly === true) hourlyDays += days;
    else otherLines += service.creditBp === undefined ? days : 2 * days;
  }
  return Math.min(24, Math.max(6, Math.round((LINES_WANTED - otherLines) / hourlyDays)));
}

/** The days with data, and until the end of the last month for what is bought by the month. */
function daysSql(calendar: SampleCalendar, until: string): string {
  return `CREATE TABLE day AS
    SELECT date, i, ppm, isodow(date) >= 6 AS weekend, date_trunc('month', date)::DATE AS month, date < DATE '${calendar.end}' AS past
    FROM (SELECT unnest(range(0, ${daysBetween(calendar.start, until)})) AS i, DATE '${calendar.start}' + i::INTEGER AS date)
    JOIN drift ON week = i // 7`;
}

/** A line's quantity is what its target buys at the effective price; every cost follows from quantity × its unit price. */
function usageSql(hours: number): string {
  const firstHour = Math.floor((24 - hours) / 2);
  return `CREATE TABLE line AS
    WITH slot AS (
      SELECT resource.*, date, i, month, hour,
        perDay * CASE WHEN drifts THEN ppm ELSE 1000000 END // 1000000
          * CASE WHEN rests AND weekend THEN ${WEEKEND_BP} ELSE 10000 END // 10000
          * CASE WHEN covered THEN 9500 + noise(n, i, hour) % 1001 ELSE 8500 + noise(n, i, hour) % 3001 END // 10000
          // CASE WHEN hourly THEN ${hours} ELSE 1 END AS target
      FROM resource JOIN day ON date >= fromDate AND date < untilDate AND past
      JOIN (SELECT unnest(range(0, 24)) AS hour) ON CASE WHEN hourly THEN hour BETWEEN ${firstHour} AND ${firstHour + hours - 1} ELSE hour = 0 END
    ), measured AS (
      SELECT *, target * 1000000 // effectivePrice AS qty FROM slot
    )
    SELECT n, NULL::INTEGER AS f, month, date + to_hours(hour) AS start,
      date + to_hours(CASE WHEN hourly THEN hour + 1 ELSE 24 END) AS stop,
      'Usage' AS category, NULL::VARCHAR AS class, 'Usage-Based' AS frequency, description, qty,
      CASE WHEN covered THEN 0 ELSE qty * effectivePrice // 1000 END AS billed,
      qty * effectivePrice // 1000 AS effective,
      qty * pricePerUnit // 1000 AS list,
      qty * contractedPrice // 1000 AS contracted,
      CASE WHEN covered THEN 'Used' END AS status
    FROM measured`;
}

/** What is committed and used per day, both in pico-units of EffectiveCost. */
const COVERED_SQL = `CREATE TABLE commitment AS
  SELECT date, month, past, committed, committed - coalesce(used, 0) AS unused FROM (
    SELECT date, month, past, sum(perDay)::BIGINT * ${COMMITTED_SHARE_BP} // 10000 * 1000 AS committed
    FROM day JOIN resource ON covered AND date >= fromDate AND (date < untilDate OR NOT past) GROUP BY ALL
  ) LEFT JOIN (
    SELECT start::DATE AS date, sum(effective)::BIGINT AS used FROM line WHERE status = 'Used' GROUP BY ALL
  ) USING (date)`;

/** A year paid on its first day: BilledCost then, EffectiveCost day by day. */
const SAVINGS_PLAN_SQL = `INSERT INTO line
  SELECT NULL, NULL, month, date, date + INTERVAL 1 YEAR, 'Purchase', NULL, 'One-Time', 'Compute Savings Plan: 1 year, all upfront', 1000000,
    committed * year_days, 0, committed * year_days, committed * year_days, NULL
  FROM (SELECT *, date_diff('day', date, (date + INTERVAL 1 YEAR)::DATE) AS year_days FROM commitment ORDER BY date LIMIT 1)
  UNION ALL
  SELECT NULL, NULL, month, date, date + to_hours(24), 'Usage', NULL, 'Usage-Based',
    'Compute Savings Plan: unused commitment', 0, 0, unused, 0, 0, 'Unused'
  FROM commitment WHERE past`;

const RESERVATION_SQL = `INSERT INTO line
  SELECT NULL, NULL, month, month, month + INTERVAL 1 MONTH, 'Purchase', NULL, 'Recurring',
    'Reserved VM Instance, D4 v5, EU West, 1 Year, billed monthly', 1000000,
    sum(committed)::BIGINT, 0, sum(committed)::BIGINT, sum(committed)::BIGINT, NULL
  FROM commitment GROUP BY month
  UNION ALL
  SELECT NULL, NULL, month, date, date + to_hours(24), 'Usage', NULL, 'Usage-Based',
    'Reserved VM Instance, D4 v5, EU West, 1 Year, unused', 0, 0, unused, 0, 0, 'Unused'
  FROM commitment WHERE past`;

/** Credits are lines of their own; and some of a month's last day is invoiced with the next month, where that has begun. */
const GOOGLE_SQL = `
  INSERT INTO line
    SELECT n, NULL, month, start, stop, 'Credit', NULL, 'Usage-Based',
      CASE WHEN creditBp > 1500 THEN 'Committed use discount: CPU' ELSE 'Sustained use discount' END, NULL::BIGINT,
      -(billed * creditBp // 10000), -(billed * creditBp // 10000), -(billed * creditBp // 10000), -(billed * creditBp // 10000), NULL
    FROM line JOIN resource USING (n) WHERE creditBp IS NOT NULL;
  UPDATE line SET month = stop::DATE
    WHERE n % 5 = 0 AND stop::DATE > month AND day(stop) = 1 AND stop::DATE IN (SELECT month FROM day WHERE past)`;

/** A fifth of a line of the month before, of one resource in forty, is taken back in the month's bill. */
const CORRECTIONS_SQL = `INSERT INTO line
  SELECT n, NULL, (month + INTERVAL 1 MONTH)::DATE, start, stop, category, 'Correction', frequency,
    'Correction: ' || description, -(qty // 5), -(billed // 5), -(effective // 5), -(list // 5), -(contracted // 5), NULL
  FROM line
  WHERE category = 'Usage' AND class IS NULL AND status IS NULL AND day(start) = 12 AND hour(start) IN (0, 12)
    AND n % 40 = month(start) * 3 AND (month + INTERVAL 1 MONTH)::DATE IN (SELECT month FROM day WHERE past)`;

const FIXED_SQL = `INSERT INTO line
  SELECT NULL, f, month, month, CASE WHEN chargeFrequency = 'Recurring' THEN month + INTERVAL 1 MONTH ELSE month + INTERVAL 1 DAY END,
    chargeCategory, NULL, chargeFrequency, description, CASE WHEN chargeCategory = 'Purchase' THEN 1000000 END,
    perMonthNano * 1000, perMonthNano * 1000, perMonthNano * 1000, perMonthNano * 1000, NULL
  FROM fixed JOIN (SELECT month, row_number() OVER (ORDER BY month) - 1 AS m FROM day GROUP BY month)
    ON perMonthNano IS NOT NULL AND (monthRemainder IS NULL OR m % 3 = monthRemainder)`;

const TAX_SQL = `INSERT INTO line
  SELECT NULL, f, month, month, month + INTERVAL 1 MONTH, 'Tax', NULL, 'Recurring', description, NULL, tax, tax, tax, tax, NULL
  FROM (
    SELECT fixed.f, month, fixed.description, (sum(billed) * taxBp // 10000)::BIGINT AS tax
    FROM fixed JOIN line ON taxBp IS NOT NULL JOIN resource USING (n)
    WHERE fixed.subAccountId IS NULL OR fixed.subAccountId = resource.subAccountId
    GROUP BY fixed.f, month, fixed.description, taxBp
  )`;
