/** Reports of the quarter on the database that the latest ingestion left, and the naive SQL over the same lines they spare. */
import pg from 'pg';
import { openDatabase } from '../db/database.ts';
import type { Principal } from '../services/kernel/ports.ts';
import { importOutcomes } from '../services/outcomes/import-outcomes.ts';
import { costs } from '../services/reports/costs.ts';
import { prepareConversions } from '../services/reports/prepare-conversions.ts';
import { valuePerPod } from '../services/reports/value-per-pod.ts';
import { POD_COUNT, benchPod } from './bench-organisation.ts';
import type { BenchBill } from './bill-generator.ts';
import { type Figure, percentile } from './figures.ts';
import { BENCH_NOW } from './rulebook-figures.ts';

const QUARTER = '2026-Q3';
const CALLS = 200;
const EXPLORER_CALLS = 20;
const FINANCE: Principal = { id: 'grace@bench.example', role: 'finance', pods: [] };

export interface ReportPlaces {
  readonly ingestedUrl: string;
  /** The database whose table `line` is the bill as the bare COPY left it; null: there was none, and naive SQL has nothing to ask. */
  readonly linesUrl: string | null;
}

/** @throws Error where the report's total is not the bill's. */
export async function measureReports(places: ReportPlaces, bill: BenchBill): Promise<Figure[]> {
  const { db, close } = openDatabase(places.ingestedUrl, { applicationName: 'outturn bench' });
  try {
    await importOutcomes(db, {
      csvText: outcomeSheet(),
      workbook: 'bench',
      principal: FINANCE,
      dryRun: false,
      at: BENCH_NOW,
    });
    const request = { period: QUARTER, at: BENCH_NOW };
    await prepareConversions(db, request);
    const report = await valuePerPod(db, request);
    if (report.total.cost !== bill.effectiveCost) {
      throw new Error(`value-per-pod has ${report.total.cost} in all; the bill has ${bill.effectiveCost}.`);
    }
    const value = await timeCalls(CALLS, () => valuePerPod(db, request));
    const explorer = await timeCalls(EXPLORER_CALLS, () => costs(db, { ...request, by: ['pod', 'serviceName'] }));
    const p50 = percentile(value, 0.5);
    const naive = places.linesUrl === null ? [] : [naiveFigure(await timeNaive(places.linesUrl), p50)];
    return [
      {
        name: 'value-per-pod of a quarter, p99',
        value: `${percentile(value, 0.99).toFixed(1)} ms`,
        from: `${CALLS} calls, p50 ${p50.toFixed(1)} ms`,
        target: '≤ 15 ms',
      },
      ...naive,
      {
        name: 'costs of a quarter by pod and service, p50',
        value: `${percentile(explorer, 0.5).toFixed(0)} ms`,
        from: `${EXPLORER_CALLS} calls, p99 ${percentile(explorer, 0.99).toFixed(0)} ms`,
        target: '≤ 300 ms',
      },
    ];
  } finally {
    await close();
  }
}

function naiveFigure(naiveMs: number, p50: number): Figure {
  return {
    name: 'naive SQL over the lines ÷ value-per-pod',
    value: (naiveMs / p50).toFixed(0),
    from: `${naiveMs.toFixed(0)} ms ÷ p50`,
    target: '',
  };
}

async function timeCalls(calls: number, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < calls; index += 1) {
    const startedAt = performance.now();
    await call();
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** What one would write without the product: the tag's own value for the pod, no splits, no rules, no outcomes. */
async function timeNaive(linesUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: linesUrl, options: '-c TimeZone=UTC' });
  await client.connect();
  try {
    const query = () =>
      client.query(`select "Tags" ->> 'pod', sum("EffectiveCost") from line
        where "ChargePeriodStart" >= '2026-07-01' and "ChargePeriodStart" < '2026-10-01' group by 1 order by 1`);
    await query(); // The first one also sets the hint bits of every row.
    return Math.min(...(await timeCalls(3, query)));
  } finally {
    await client.end();
  }
}

function outcomeSheet(): string {
  const header =
    'source_row_id,pod,title,delivered_on,basis,gross_or_margin,amount,currency,owner_email,state,verified_by';
  const rows = Array.from({ length: POD_COUNT }, (_pod, index) =>
    [
      `row-${index}`,
      benchPod(index),
      `Outcome ${index}`,
      '2026-09-10',
      'revenue',
      'margin',
      `${1000 + index}.00`,
      'USD',
      'ada@bench.example',
      'claimed',
      '',
    ].join(','),
  );
  return `${[header, ...rows].join('\n')}\n`;
}
