/** What an ingestion did, for the terminal: one line per load with its state, lines and the file's totals as exact figures. */
import { textTable } from './text-table.ts';

interface RenderedLoad {
  readonly sourceId: string;
  readonly billingPeriod: string;
  readonly state: string;
  readonly unchanged: boolean;
  readonly rows: number;
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
      String(load.rows),
      total.billingCurrency,
      total.billedCost,
      total.effectiveCost,
    ]);
  });
  return textTable(
    ['source', 'billing period', 'state', 'lines', 'currency', 'BilledCost', 'EffectiveCost'],
    rows,
    [3, 5, 6],
  );
}
