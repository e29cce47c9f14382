/** The dialects this version reads besides FOCUS. */
import { awsCostExplorer } from './aws-cost-explorer.ts';
import { awsCur } from './aws-cur.ts';
import type { Dialect } from './dialect.ts';
import { azureCost } from './azure-cost.ts';
import { googleCloudCost } from './google-cloud-cost.ts';
import { oracleCost } from './oracle-cost.ts';
import { foldColumn, foldHeader } from './source-cells.ts';

/** What no provider's own format has: a header with these is FOCUS, whatever else stands in it. */
const FOCUS_MARKS = ['BilledCost', 'ChargePeriodStart'].map(foldColumn);

export const DIALECTS: readonly Dialect[] = [awsCostExplorer, awsCur, azureCost, googleCloudCost, oracleCost];

/** The dialect of a header, null where it is FOCUS or of none of them. */
export function findDialect(header: readonly string[]): Dialect | null {
  const folded = foldHeader(header);
  if (FOCUS_MARKS.every((mark) => folded.has(mark))) return null;
  return DIALECTS.find((dialect) => dialect.recognises(folded)) ?? null;
}
