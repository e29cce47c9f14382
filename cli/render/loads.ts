/** What an ingestion did, for the terminal: a line per load with state, finality, lines and exact totals; then its warnings. */
import { textTable } from './text-table.ts';

interface RenderedLoad {
  readonly sourceId: string;
  readonly billingPeriod: string;
  readonly state: string;
  readonly unchanged: boolean;
  readonly rows: number;
  readonly finality: string;
  readonly files: readonly { readonly name: string; readonly assumedCurrency?: string }[];
  readonly warnings: readonly { readonly message: string }[];
  readonly totals: readonly {
    readonly billingCurrency: string;
    readonly billedCost: string;
    readonly effectiveCost: string;
  }[];
}

export function renderLoads(loads: readonly RenderedLoad[]): string {
  if (loads.length === 0) return 'No billing period was found in these files.';
  const rows = loads.flatMap((load) => {
    const state = load.unchanged ? 'unchanged' : load.state;
    const totals =
      load.totals.length === 0 ? [{ billingCurrency: '', billedCost: '0', effectiveCost: '0' }] : load.totals;
    return totals.map((total) => [
      load.sourceId,
      load.billingPeriod,
      state,
      load.finality,
      String(load.rows),
      total.billingCurrency,
      total.billedCost,
      total.effectiveCost,
    ]);
  });
  const table = textTable(
    ['source', 'billing period', 'state', 'finality', 'lines', 'currency', 'BilledCost', 'EffectiveCost'],
    rows,
    [4, 6, 7],
  );
  const warnings = loads.flatMap((load) => load.warnings.map((warning) => `Warning: ${warning.message}`));
  const assumed = loads.flatMap(({ files }) =>
    files.flatMap(({ name, assumedCurrency }) =>
      assumedCurrency === undefined
        ? []
        : [
            `Note: ${name} names no currency and was read as ${assumedCurrency}. Set currency: … of its source where that is wrong.`,
          ],
    ),
  );
  return [table, ...new Set([...warnings, ...assumed])].join('\n');
}
