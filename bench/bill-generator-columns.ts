/**
 * The columns of the bench bill: FOCUS 1.2 with AWS's own x_ columns, and the origins they describe. Costs have twelve decimals;
 * text and times come ready from small tables, so that writing millions of lines measures the disk and not the formatting.
 */

export type BenchFormat = 'parquet-decimal' | 'parquet-double' | 'csv-gz' | 'csv';

/** Prices and quantities stay below one, as those of an hour mostly do. */
const PRICES = `
  (CAST(200 + (x >> 3) % 800000 AS DECIMAL(9,0)) * 0.000001::DECIMAL(6,6))::DECIMAL(9,6) AS listPrice,
  (listPrice * 0.93::DECIMAL(2,2))::DECIMAL(9,6) AS contractedPrice,
  (listPrice * 0.71::DECIMAL(2,2))::DECIMAL(9,6) AS committedPrice`;

const SERVICES = [
  ['Amazon Elastic Compute Cloud', 'Compute', 'Virtual Machines', 'AmazonEC2', 'instance', 'RunInstances', 'Hrs'],
  [
    'Amazon Relational Database Service',
    'Databases',
    'Relational Databases',
    'AmazonRDS',
    'db',
    'CreateDBInstance:0014',
    'Hrs',
  ],
  ['Amazon Simple Storage Service', 'Storage', 'Object Storage', 'AmazonS3', 'bucket', 'StandardStorage', 'GB-Mo'],
  ['AWS Lambda', 'Compute', 'Serverless Compute', 'AWSLambda', 'function', 'Invoke', 'Lambda-GB-Second'],
  [
    'Elastic Load Balancing',
    'Networking',
    'Application Networking',
    'AWSELB',
    'loadbalancer',
    'LoadBalancing:Application',
    'LCU-Hrs',
  ],
  [
    'AmazonCloudWatch',
    'Management and Governance',
    'Observability',
    'AmazonCloudWatch',
    'log-group',
    'PutLogEvents',
    'GB',
  ],
  ['Amazon Elastic Container Service', 'Compute', 'Containers', 'AmazonECS', 'service', 'FargateTask', 'hours'],
  [
    'Amazon DynamoDB',
    'Databases',
    'NoSQL Databases',
    'AmazonDynamoDB',
    'table',
    'PayPerRequestThroughput',
    'WriteRequestUnits',
  ],
] as const;

const REGIONS = [
  ['us-east-1', 'US East (N. Virginia)'],
  ['us-west-2', 'US West (Oregon)'],
  ['eu-west-1', 'Europe (Ireland)'],
  ['ap-southeast-1', 'Asia Pacific (Singapore)'],
] as const;

/** Everything of a line that does not depend on its hour; `o` is its number and `x` its noise. */
export const ORIGINS_SQL = `SELECT o, ${PRICES},
  o % ${SERVICES.length} AS s,
  (x >> 5) % ${REGIONS.length} AS r,
  ${pick(
    's',
    SERVICES.map((service) => service[0]),
  )} AS serviceName,
  ${pick(
    's',
    SERVICES.map((service) => service[1]),
  )} AS serviceCategory,
  ${pick(
    's',
    SERVICES.map((service) => service[2]),
  )} AS serviceSubcategory,
  ${pick(
    's',
    SERVICES.map((service) => service[3]),
  )} AS serviceCode,
  ${pick(
    's',
    SERVICES.map((service) => service[4]),
  )} AS resourceType,
  ${pick(
    's',
    SERVICES.map((service) => service[5]),
  )} AS operation,
  ${pick(
    's',
    SERVICES.map((service) => service[6]),
  )} AS unit,
  ${pick(
    'r',
    REGIONS.map((region) => region[0]),
  )} AS regionId,
  ${pick(
    'r',
    REGIONS.map((region) => region[1]),
  )} AS regionName,
  lpad(((x >> 7) % 240 * 4163 + 100000000017)::VARCHAR, 12, '0') AS subAccountId,
  'workload-' || ((x >> 7) % 240)::VARCHAR AS subAccountName,
  upper(substr(md5('sku' || s || (x >> 9) % 40), 1, 16)) AS skuId,
  skuId || '.JRTCKXETXF.6YS6EN2CT7' AS skuPriceId,
  '$' || listPrice::VARCHAR || ' per ' || unit || ' - ' || regionName AS description,
  'app-' || lpad((o // 40 % 900)::VARCHAR, 3, '0') AS application,
  'pod-' || lpad((o // 40 % 60)::VARCHAR, 2, '0') AS pod,
  list_value('prod', 'staging', 'dev')[1 + ((x >> 11) % 3)::INTEGER] AS environment,
  'arn:aws:' || lower(serviceCode) || ':' || regionId || ':' || subAccountId || ':' || resourceType || '/' || application || '-' || substr(md5(o::VARCHAR), 1, 17) AS resourceId,
  application || '-' || environment || '-' || (o % 40)::VARCHAR AS resourceName,
  CASE WHEN x % 13 = 0 THEN NULL ELSE map(['pod', 'application', 'environment'], [pod, application, environment]) END AS tags,
  CASE WHEN x % 13 = 0 THEN NULL ELSE '{"pod":"' || pod || '","application":"' || application || '","environment":"' || environment || '"}' END AS tagsText`;

/** A column's name, its SQL, and what it depends on: the origin, the line, or nothing at all. */
export interface BenchColumn {
  readonly name: string;
  readonly sql: string;
  readonly dependsOn: 'nothing' | 'origin' | 'line';
}

/** The columns in one format, over `line` joined with `hour`; those of the origin come first. */
export function benchColumns(format: BenchFormat, billingMonth: string): BenchColumn[] {
  const isParquet = format === 'parquet-decimal' || format === 'parquet-double';
  const number = (sql: string): string => (format === 'parquet-double' ? `${sql}::DOUBLE` : sql);
  const monthTime = (sql: string): string => (isParquet ? sql : `strftime(${sql}, '%Y-%m-%dT%H:%M:%S.000Z')`);
  const ofUsage = (sql: string): string => `CASE WHEN category = 'Usage' THEN ${sql} END`;
  const ofCovered = (text: string): string => `CASE WHEN covered THEN '${text}' END`;
  return [
    ...columns('origin', {
      AvailabilityZone: `CASE WHEN s IN (0, 1) THEN regionId || 'a' END`,
      ChargeDescription: 'description',
      RegionId: 'regionId',
      RegionName: 'regionName',
      ResourceId: 'resourceId',
      ResourceName: 'resourceName',
      ResourceType: 'resourceType',
      ServiceCategory: 'serviceCategory',
      ServiceName: 'serviceName',
      ServiceSubcategory: 'serviceSubcategory',
      SkuId: 'skuId',
      SkuMeter: 'operation',
      SkuPriceId: 'skuPriceId',
      SubAccountId: 'subAccountId',
      SubAccountName: 'subAccountName',
      Tags: isParquet ? 'tags' : 'tagsText',
      x_ServiceCode: 'serviceCode',
    }),
    ...columns('nothing', {
      BillingAccountId: `'100000000001'`,
      BillingAccountName: `'Bench'`,
      BillingAccountType: `'Account'`,
      BillingCurrency: `'USD'`,
      BillingPeriodEnd: monthTime(`(TIMESTAMP '${billingMonth}-01' + INTERVAL 1 MONTH)`),
      BillingPeriodStart: monthTime(`TIMESTAMP '${billingMonth}-01'`),
      CapacityReservationId: 'NULL::VARCHAR',
      CapacityReservationStatus: 'NULL::VARCHAR',
      ChargeClass: 'NULL::VARCHAR',
      CommitmentDiscountQuantity: 'NULL::DECIMAL(18,12)',
      CommitmentDiscountUnit: 'NULL::VARCHAR',
      InvoiceId: `'2471938865'`,
      InvoiceIssuerName: `'Amazon Web Services, Inc.'`,
      PricingCurrency: `'USD'`,
      PricingCurrencyContractedUnitPrice: 'NULL::DECIMAL(18,12)',
      PricingCurrencyListUnitPrice: 'NULL::DECIMAL(18,12)',
      ProviderName: `'AWS'`,
      PublisherName: `'AWS'`,
      SkuPriceDetails: 'NULL::VARCHAR',
      SubAccountType: `'Account'`,
    }),
    ...columns('line', {
      BilledCost: number('billed'),
      ChargeCategory: 'category',
      ChargeFrequency: `CASE WHEN category = 'Usage' THEN 'Usage-Based' ELSE 'One-Time' END`,
      ChargePeriodEnd: isParquet ? 'stop' : 'stopText',
      ChargePeriodStart: isParquet ? 'start' : 'startText',
      CommitmentDiscountCategory: ofCovered('Spend'),
      CommitmentDiscountId: ofCovered(
        'arn:aws:savingsplans::100000000001:savingsplan/0f5b7c1e-9a34-4d26-8e70-b2c6d18f4a93',
      ),
      CommitmentDiscountName: ofCovered('Compute Savings Plan'),
      CommitmentDiscountStatus: ofCovered('Used'),
      CommitmentDiscountType: ofCovered('Compute Savings Plans'),
      ConsumedQuantity: ofUsage(number('qty')),
      ConsumedUnit: ofUsage('unit'),
      ContractedCost: number('contracted'),
      ContractedUnitPrice: ofUsage(number('contractedPrice')),
      EffectiveCost: number('effective'),
      ListCost: number('list'),
      ListUnitPrice: ofUsage(number('listPrice')),
      PricingCategory: `CASE WHEN covered THEN 'Committed' WHEN category = 'Usage' THEN 'Standard' END`,
      PricingCurrencyEffectiveCost: number('effective'),
      PricingQuantity: ofUsage(number('qty')),
      PricingUnit: ofUsage('unit'),
    }),
  ];
}

function columns(dependsOn: BenchColumn['dependsOn'], sqlByName: Record<string, string>): BenchColumn[] {
  return Object.entries(sqlByName).map(([name, sql]) => ({ name, sql, dependsOn }));
}

/** A column as a CSV cell; only tags and the issuer's name hold what needs quotes. */
export function csvCellSql(column: BenchColumn): string {
  const text = `coalesce((${column.sql})::VARCHAR, '')`;
  if (column.name !== 'Tags' && column.name !== 'InvoiceIssuerName') return text;
  return `CASE WHEN ${text} = '' THEN '' ELSE '"' || replace(${text}, '"', '""') || '"' END`;
}

function pick(index: string, texts: readonly string[]): string {
  return `list_value(${texts.map((text) => `'${text}'`).join(', ')})[1 + ${index}::INTEGER]`;
}
