/** What the demo shows: value per pod of the last and the current quarter, the reconciliation with the bills, envelopes and alerts. */
import { listAlerts } from '../../services/alerts/list-alerts.ts';
import { listEnvelopes } from '../../services/envelopes/list-envelopes.ts';
import { prepareConversions } from '../../services/reports/prepare-conversions.ts';
import { reconciliation } from '../../services/reports/reconciliation.ts';
import { valuePerPod } from '../../services/reports/value-per-pod.ts';
import { printText } from '../output.ts';
import { renderAlerts } from '../render/alerts.ts';
import { renderEnvelopes } from '../render/envelopes.ts';
import { renderReconciliation } from '../render/reconciliation.ts';
import { renderValuePerPod } from '../render/value-per-pod.ts';
import type { Runtime } from '../runtime.ts';
import type { PreparedSample } from './prepare-sample.ts';

export async function printDemo(runtime: Runtime, sample: PreparedSample): Promise<void> {
  const at = runtime.clock.now();
  for (const period of sample.quarterIds.slice(-2)) {
    const request = { period, at };
    await prepareConversions(runtime.db, request);
    heading(`Value per pod, ${period}`);
    printText(renderValuePerPod(await valuePerPod(runtime.db, request)));
  }
  const current = sample.quarterIds.at(-1) ?? '';
  heading(`Reconciliation with the bills, ${current}`);
  printText(renderReconciliation(await reconciliation(runtime.db, { period: current, at })));
  heading('Envelopes');
  printText(renderEnvelopes(await listEnvelopes(runtime.db, { at })));
  heading('Alerts');
  printText(renderAlerts(await listAlerts(runtime.db)));
}

function heading(text: string): void {
  printText(`\n${text}\n${'─'.repeat(text.length)}`);
}
