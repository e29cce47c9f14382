/**
 * A source of kind aws-cost-explorer: daily costs by account and service, and by one tag, asked from AWS Cost Explorer. Nothing is set up
 * in AWS for it, but each page is paid for, and it knows neither resources nor quantities. A file is some days, a delivery a month's files.
 */
import { AppError } from '../../services/kernel/errors.ts';
import { addDays, type IsoDate } from '../../services/kernel/period.ts';
import type { Connect, DeliveredFile, FetchTarget, Listing, ListRequest } from '../connector.ts';
import { checkCostExplorer } from './check-cost-explorer.ts';
import { costQueries } from './cost-queries.ts';
import { openExplorer } from './explorer-calls.ts';
import { readExplorerPlace } from './explorer-place.ts';
import { type ListedPart, listParts } from './listed-parts.ts';
import { appendDay, beginPartFile } from './part-file.ts';
import { type CostDay, walkDays } from './walk-days.ts';

export const connectAwsCostExplorer: Connect = async (source, context) => {
  const place = readExplorerPlace(source);
  const explorer = openExplorer(place, context);
  const queries = costQueries(place.groupByTag);
  let parts = new Map<string, ListedPart>();
  let walk: { end: IsoDate; next: IsoDate; days: AsyncGenerator<CostDay> } | null = null;

  async function billingAccount(): Promise<string> {
    const id = place.billingAccountId ?? (await explorer.credentials()).accountId;
    if (id !== undefined) return id;
    throw new AppError(
      'source_refused',
      `The AWS credentials do not tell their account. Add billingAccountId: "…" to the source "${place.sourceId}": the twelve digits of the account that pays.`,
    );
  }

  async function list({ range, known }: ListRequest): Promise<Listing> {
    const account = await billingAccount();
    const key = (start: IsoDate) => `${account}/${start}`;
    const months = listParts({ now: context.now, range, known: (start) => known.get(key(start)) });
    parts = new Map(months.flatMap((month) => month.parts.map((part) => [key(part.start), part])));
    return {
      manifests: months.map(({ month, parts: listed }) => ({
        billingPeriod: { start: month.start, end: month.end },
        deliveredAt: null,
        files: listed.map(({ start, version }) => ({
          key: key(start),
          name: `from-${start}.csv`,
          version,
          sizeBytes: null,
        })),
      })),
      waiting: [],
    };
  }

  /** Always the whole part: pages cannot be gone on with on another day. */
  async function fetch(file: DeliveredFile, { path, report }: FetchTarget): Promise<void> {
    const part = parts.get(file.key);
    if (part === undefined) throw new Error(`${file.key} was not listed`);
    const options = {
      billingAccountId: await billingAccount(),
      accountNames: explorer.accountNames,
      groupByTag: place.groupByTag,
    };
    await beginPartFile(path);
    let bytes = 0;
    for (let day = part.start; day < part.end; day = addDays(day, 1)) {
      bytes += await appendDay(path, await costsOf(day, part.end), options);
      report(bytes);
    }
  }

  /** From the walk that is under way, where it has not passed the day; else from one that begins with it. */
  async function costsOf(day: IsoDate, end: IsoDate): Promise<CostDay> {
    if (walk === null || day < walk.next || day >= walk.end) {
      const range = { start: day, end: endOfAsked(end) };
      walk = { end: range.end, next: day, days: walkDays(explorer.ask, queries, range) };
    }
    for (;;) {
      const next = await walk.days.next();
      if (next.done === true) throw new Error(`${day} is not among the days that were walked`);
      walk.next = addDays(next.value.day, 1);
      if (next.value.day === day) return next.value;
    }
  }

  /** Parts that follow and are asked for too are answered together, for as few requests as possible. */
  function endOfAsked(end: IsoDate): IsoDate {
    const next = [...parts.values()].find(({ start, isAsked }) => start === end && isAsked);
    return next === undefined ? end : endOfAsked(next.end);
  }

  return {
    list,
    fetch,
    check: () => checkCostExplorer(place, explorer, billingAccount, context.now),
    close: async () => explorer.close(),
  };
};
