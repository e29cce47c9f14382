/** What Cost Explorer lets us do, step by step; two paid requests at most. */
import { AppError, TransientError } from '../../services/kernel/errors.ts';
import { addDays, utcDate } from '../../services/kernel/period.ts';
import type { SourceCheck } from '../connector.ts';
import { costQueries } from './cost-queries.ts';
import type { ExplorerCalls } from './explorer-calls.ts';
import type { ExplorerPlace } from './explorer-place.ts';

const DAYS = 30;

export async function* checkCostExplorer(
  place: ExplorerPlace,
  explorer: ExplorerCalls,
  payerOf: () => Promise<string>,
  now: Date,
): AsyncIterable<SourceCheck> {
  let subject = 'credentials';
  try {
    const { accessKeyId, accountId } = await explorer.credentials();
    const account = accountId === undefined ? '' : ` of account ${accountId}`;
    yield { subject, state: 'ok', message: `access key ${accessKeyId}${account}` };

    subject = 'billingAccountId';
    yield { subject, state: 'ok', message: `costs are those of the billing account ${await payerOf()}` };

    subject = 'ce:GetCostAndUsage';
    const today = utcDate(now);
    const range = { start: addDays(today, -DAYS), end: today };
    const [whole] = costQueries(undefined);
    if (whole === undefined) return;
    const { days } = await explorer.ask(whole, range);
    const newest = days.at(-1);
    yield {
      subject,
      state: 'ok',
      message: `costs can be asked for, up to ${newest?.day ?? today} (this check paid $0.01)`,
    };

    if (place.groupByTag === undefined) return;
    subject = 'groupByTag';
    const tagged = costQueries(place.groupByTag).find(({ name }) => name === 'tagged');
    if (tagged === undefined) return;
    const found = await explorer.ask(tagged, range);
    yield found.days.some(({ rows }) => rows.length > 0)
      ? { subject, state: 'ok', message: `costs carry the tag ${place.groupByTag} (this check paid $0.01)` }
      : {
          subject,
          state: 'note',
          message: `no cost of the last ${DAYS} days carries the tag ${place.groupByTag}. Activate it as a cost allocation tag in the account that pays (a day passes until it shows), or correct its spelling; case counts.`,
        };
  } catch (error) {
    if (!(error instanceof AppError || error instanceof TransientError)) throw error;
    yield { subject, state: 'wrong', message: error.message };
  }
}
