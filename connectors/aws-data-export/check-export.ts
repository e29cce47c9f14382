/** What is wrong or unusual about an export: first what the bucket allows, then the export itself, its deliveries and its columns. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { billingPeriodName } from '../../services/kernel/period.ts';
import type { SourceCheck } from '../connector.ts';
import { chooseDelivery, type Delivery } from './choose-delivery.ts';
import type { FoundExport } from './export-layout.ts';
import { type ExportPlace, findSettled, nothingYet, onlyExport } from './export-place.ts';

/** Without these, commitments cannot be spread: lines that use one have no effective cost, and their bill is refused. */
const AMORTISED = [
  'reservation_effective_cost',
  'reservation_unused_amortized_upfront_fee_for_billing_period',
  'reservation_unused_recurring_fee',
  'reservation_reservation_a_r_n',
  'savings_plan_savings_plan_effective_cost',
  'savings_plan_total_commitment_to_date',
  'savings_plan_used_commitment',
  'savings_plan_savings_plan_a_r_n',
];

export async function* checkExport(place: ExportPlace): AsyncIterable<SourceCheck> {
  for await (const check of place.store.check(place.prefix)) {
    yield check;
    if (check.state === 'wrong') return;
  }
  try {
    const found = await findSettled(place);
    const only = onlyExport(found, place);
    if (only === null) {
      yield { subject: 'export', state: 'note', message: nothingYet(place) };
      return;
    }
    yield { subject: 'export', state: 'ok', message: describeExport(only) };
    const newest = only.months.at(-1);
    if (newest === undefined) return;
    const choice = await chooseDelivery(newest, { ...place, objects: found.objects, known: new Map() });
    if (choice.waiting !== null) yield { subject: 'delivery', state: 'note', message: choice.waiting };
    if (choice.delivery === null) return;
    yield { subject: 'delivery', state: 'ok', message: describeDelivery(choice.delivery) };
    yield* checkColumns(choice.delivery);
  } catch (error) {
    if (!(error instanceof AppError || error instanceof TransientError)) throw error;
    yield { subject: 'export', state: 'wrong', message: error.message };
  }
}

function describeExport({ root, kind, months }: FoundExport): string {
  const title = kind === 'data-export' ? 'a Data Export' : 'a legacy Cost and Usage Report';
  const names = months.map(({ start, end }) => billingPeriodName(start, end));
  const span = names.length === 1 ? names[0] : `${names.length} billing periods, ${names[0]} to ${names.at(-1)}`;
  return `${root || 'the bucket'} holds ${title}: ${span}`;
}

function describeDelivery({ month, manifest, files }: Delivery): string {
  const count = files.length === 1 ? '1 file' : `${files.length} files`;
  return `${billingPeriodName(month.start, month.end)} was delivered ${manifest.modifiedAt.toISOString()}: ${count}`;
}

function* checkColumns({ columns }: Delivery): Iterable<SourceCheck> {
  const names = new Set(columns.map(folded));
  const isReport = names.has(folded('line_item_line_item_type'));
  const missing = isReport ? AMORTISED.filter((name) => !names.has(folded(name))) : [];
  if (missing.length === 0) return;
  yield {
    subject: 'columns',
    state: 'note',
    message: `the export leaves out ${missing.join(', ')}, without which lines of reservations and Savings Plans cannot be read. Add them to its query, or export FOCUS.`,
  };
}

/** `savingsPlan/SavingsPlanARN` and `savings_plan_savings_plan_a_r_n` are one. */
function folded(name: string): string {
  return name.replace(/[^a-z0-9]/gi, '').toLowerCase();
}
