/** What is wrong or unusual about an export: first what the container allows, then what is exported and what was delivered. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { billingPeriodName } from '../../services/kernel/period.ts';
import type { SourceCheck } from '../connector.ts';
import { chooseRun, type Delivery } from './choose-run.ts';
import { findExports, monthsOf } from './export-layout.ts';
import { chooseExports, type ExportPlace, nothingYet, type ReadExports, titleOf } from './export-place.ts';

export async function* checkExport(place: ExportPlace): AsyncIterable<SourceCheck> {
  for await (const check of place.store.check(place.prefix)) {
    yield check;
    if (check.state === 'wrong') return;
  }
  try {
    const found = await findExports(place.store.list(place.prefix));
    const read = await chooseExports(found, place);
    const months = monthsOf(read.exports);
    const newest = months.at(-1);
    if (newest === undefined) {
      yield { subject: 'export', state: 'note', message: nothingYet(place) };
      return;
    }
    const names = months.map(({ start, end }) => billingPeriodName(start, end));
    yield { subject: 'export', state: 'ok', message: describeExports(read, names) };
    yield* notes(read);
    const choice = await chooseRun(newest, { ...place, objects: found.objects, known: new Map() });
    if (choice.waiting !== null) yield { subject: 'delivery', state: 'note', message: choice.waiting };
    if (choice.delivery !== null)
      yield { subject: 'delivery', state: 'ok', message: describeDelivery(choice.delivery) };
  } catch (error) {
    if (!(error instanceof AppError || error instanceof TransientError)) throw error;
    yield { subject: 'export', state: 'wrong', message: error.message };
  }
}

function describeExports({ exports, dataset }: ReadExports, months: readonly string[]): string {
  const roots = exports.map(({ root }) => root || 'the container');
  const span = months.length === 1 ? months[0] : `${months.length} billing periods, ${months[0]} to ${months.at(-1)}`;
  return `${roots.join(' and ')} ${roots.length === 1 ? 'holds' : 'hold'} ${titleOf(dataset)}: ${span}`;
}

function* notes({ exports, dataset, ignored }: ReadExports): Iterable<SourceCheck> {
  if (dataset === 'actual' || dataset === 'amortized') {
    const lacks =
      dataset === 'actual'
        ? 'EffectiveCost is what was billed: reservations and savings plans are not spread over their use'
        : 'BilledCost leaves out what a reservation or savings plan paid for';
    yield {
      subject: 'dataset',
      state: 'note',
      message: `in an export of ${titleOf(dataset)} ${lacks}. Azure's FOCUS export has both costs.`,
    };
  }
  if (ignored.length > 0) {
    yield { subject: 'export', state: 'note', message: `${ignored.join(', ')} holds no costs and is not read` };
  }
  const others = exports.flatMap(({ root, otherRanges }) => otherRanges.map((range) => `${root}/${range}`));
  if (others.length > 0) {
    const rest = others.length === 1 ? '' : ` and ${others.length - 1} more`;
    yield {
      subject: 'export',
      state: 'note',
      message: `${others[0]}${rest} is no whole billing period and is not read. Export the month to date, and the last month.`,
    };
  }
}

function describeDelivery({ month, deliveredAt, files }: Delivery): string {
  const count = files.length === 1 ? '1 file' : `${files.length} files`;
  return `${billingPeriodName(month.start, month.end)} was delivered ${deliveredAt.toISOString()}: ${count}`;
}
