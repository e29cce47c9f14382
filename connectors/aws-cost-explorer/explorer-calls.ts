/** Cost Explorer's one call that we make, page by page; each page is paid for, so each is counted before it is asked for. */
import {
  CostExplorerClient,
  GetCostAndUsageCommand,
  type GetCostAndUsageCommandOutput,
  type Group,
  type MetricValue,
} from '@aws-sdk/client-cost-explorer';
import { type Decimal, decimal, isDecimalText } from '../../services/kernel/decimal.ts';
import { TransientError } from '../../services/kernel/errors.ts';
import { type IsoDate, isIsoDate } from '../../services/kernel/period.ts';
import { awsClientOptions } from '../aws/aws-client-options.ts';
import type { ConnectionContext } from '../connector.ts';
import type { CostQuery } from './cost-queries.ts';
import { explorerFailure, SERVICE } from './explorer-failure.ts';
import type { ExplorerPlace } from './explorer-place.ts';

/** In US dollars, as AWS lists it, for each page. */
const REQUEST_PRICE: Decimal = decimal('0.01');
/** Where the source's settings do not say. */
const REQUESTS_PER_DAY_MAX = 100;
const RETRY_MS = 60_000;

/** Half-open. */
export interface DayRange {
  readonly start: IsoDate;
  readonly end: IsoDate;
}

/** One group of one day, its amounts as AWS wrote them. */
export interface CostRow {
  /** The values of the query's groups, in its order. */
  readonly keys: readonly string[];
  readonly unblendedCost: string;
  readonly netAmortizedCost: string;
  readonly currency: string;
}

/** A day of one answer. Of a query without groups it has one row. */
export interface AnsweredDay {
  readonly day: IsoDate;
  readonly isEstimated: boolean;
  readonly rows: readonly CostRow[];
}

export interface CostPage {
  readonly days: readonly AnsweredDay[];
  /** Absent on the last page. */
  readonly nextPage?: string;
}

export interface ExplorerCalls {
  /** One page. @throws AppError source_refused, source_budget; TransientError. */
  ask(query: CostQuery, range: DayRange, page?: string): Promise<CostPage>;
  /** Names of accounts, as far as answers told them. */
  readonly accountNames: ReadonlyMap<string, string>;
  credentials(): Promise<{ accessKeyId: string; accountId?: string; expiration?: Date }>;
  close(): void;
}

/** Makes no call yet. */
export function openExplorer(place: ExplorerPlace, { now, signal, spend }: ConnectionContext): ExplorerCalls {
  const client = new CostExplorerClient({
    ...awsClientOptions(),
    region: place.region,
    ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint }),
    ...(place.profile === undefined ? {} : { profile: place.profile }),
  });
  const accountNames = new Map<string, string>();

  async function translated<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (error) {
      throw explorerFailure(error, now);
    }
  }

  async function ask({ groups, filter }: CostQuery, range: DayRange, page?: string): Promise<CostPage> {
    await spend({ requests: 1, amount: REQUEST_PRICE, requestsPerDayMax: REQUESTS_PER_DAY_MAX });
    const command = new GetCostAndUsageCommand({
      TimePeriod: { Start: range.start, End: range.end },
      Granularity: 'DAILY',
      Metrics: ['UnblendedCost', 'NetAmortizedCost'],
      ...(groups.length === 0 ? {} : { GroupBy: [...groups] }),
      ...(filter === undefined ? {} : { Filter: filter }),
      ...(page === undefined ? {} : { NextPageToken: page }),
    });
    const answer = await translated(() => client.send(command, { abortSignal: signal }));
    for (const { Value, Attributes } of answer.DimensionValueAttributes ?? []) {
      const name = Attributes?.['description'];
      if (Value !== undefined && name !== undefined && name !== '') accountNames.set(Value, name);
    }
    return readPage(answer, groups.length);
  }

  return {
    ask,
    accountNames,
    credentials: () => translated(() => client.config.credentials()),
    close: () => client.destroy(),
  };
}

function readPage({ ResultsByTime, NextPageToken }: GetCostAndUsageCommandOutput, groupCount: number): CostPage {
  if (ResultsByTime === undefined) throw unreadable('no days');
  const days = ResultsByTime.map(({ TimePeriod, Estimated, Groups, Total }) => {
    const day = TimePeriod?.Start;
    if (day === undefined || !isIsoDate(day)) throw unreadable('a day without a date');
    // A day without any cost has no whole.
    const whole = Object.keys(Total ?? {}).length === 0 ? [] : [readRow({ Metrics: Total })];
    const rows = groupCount === 0 ? whole : (Groups ?? []).map(readRow);
    if (rows.some(({ keys }) => keys.length !== groupCount)) throw unreadable('other groups than it was asked for');
    return { day, isEstimated: Estimated === true, rows };
  });
  return { days, ...(NextPageToken === undefined || NextPageToken === '' ? {} : { nextPage: NextPageToken }) };
}

function readRow({ Keys, Metrics }: Group): CostRow {
  const [unblended, amortized] = [Metrics?.['UnblendedCost'], Metrics?.['NetAmortizedCost']];
  const currency = unblended?.Unit;
  if (currency === undefined || currency !== amortized?.Unit) throw unreadable('costs without one currency');
  return {
    keys: Keys ?? [],
    unblendedCost: amountOf(unblended),
    netAmortizedCost: amountOf(amortized),
    currency,
  };
}

function amountOf(value: MetricValue | undefined): string {
  if (value?.Amount === undefined || !isDecimalText(value.Amount)) throw unreadable('a cost that is no number');
  return value.Amount;
}

function unreadable(what: string): TransientError {
  return new TransientError(`${SERVICE} answered with ${what}. It is asked again.`, RETRY_MS);
}
