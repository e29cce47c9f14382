/** What the demo shows: value per pod of the last and the current quarter, the reconciliation with the bills, envelopes and alerts. */
import { listAlerts } from '../../services/alerts/list-alerts.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { addDays, utcDate } from '../../services/kernel/period.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { printText } from '../output.ts';
import { renderAlerts } from '../render/alerts.ts';
import { renderEnvelopes } from '../render/envelopes.ts';
import { renderReconciliation } from '../render/reconciliation.ts';
import { renderValuePerPod } from '../render/value-per-pod.ts';
import type { Runtime } from '../runtime.ts';

/** Value per pod of each period, then the reconciliation of the last one. */
export async function printReports(runtime: Runtime, periods: readonly string[]): Promise<void> {
  const at = runtime.clock.now();
  for (const period of periods) {
    const request = { period, at };
    await prepareConversions(runtime.db, request);
    heading(`Value per pod, ${period}`);
    printText(renderValuePerPod(await valuePerPod(runtime.db, request)));
  }
  const last = periods.at(-1);
  if (last === undefined) return;
  heading(`Reconciliation with the bills, ${last}`);
  printText(renderReconciliation(await reconciliation(runtime.db, { period: last, at })));
}

export async function printEnvelopes(runtime: Runtime): Promise<void> {
  const at = runtime.clock.now();
  // Those of the day before: its data is the newest, and on the first day of a quarter the finished one is the one to look at.
  const day = addDays(utcDate(at), -1);
  const envelopes = await listEnvelopes(runtime.db, { at });
  heading(`Envelopes of ${day}`);
  printText(renderEnvelopes(envelopes.filter(({ periodStart, periodEnd }) => periodStart <= day && day < periodEnd)));
  heading('Alerts');
  const alerts = await listAlerts(runtime.db);
  // The pod hears of the highest rung only; what was overtaken is history, which `outturn alerts` shows.
  printText(renderAlerts(alerts.filter((alert) => alert.state !== 'suppressed')));
}

function heading(text: string): void {
  printText(`\n${text}\n${'─'.repeat(text.length)}`);
}
