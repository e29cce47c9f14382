/**
 * A server on loopback that speaks the part of AWS Cost Explorer's API that the product uses: GetCostAndUsage by day, with filters, two
 * groups and pages. It wants signed requests, keeps what was asked, and does what the real one does at times: refuse, throttle, break off,
 * forget a page, answer with nonsense.
 *
 * Source: AWS Billing and Cost Management API reference, "GetCostAndUsage", "Common errors"; AWS JSON protocol 1.1.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { addDays, type IsoDate, utcDate } from '../../../services/kernel/period.ts';
import { type CostCharge, type CostRequest, evaluate, type ResultDay, type ResultGroup } from './evaluate-costs.ts';

/** Meets one call, after `skip` others. */
export type CostFault = { skip?: number } & (
  | { readonly kind: 'throttle'; readonly code?: string; readonly retryAfterSeconds?: number }
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message?: string }
  /** The connection breaks in the middle of the answer. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'reset' }
  /** Something else's page, with the status of success. */
  | { readonly kind: 'nonsense' }
  /** An answer without its first group. */
  | { readonly kind: 'damage' }
);

export interface CostExplorerDouble {
  /** For `endpoint`. */
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly calls: CostRequest[];
  readonly faults: CostFault[];
  charges: CostCharge[];
  /** Names of accounts by id. */
  names: Readonly<Record<string, string>>;
  /** Its today; days after it cannot be asked for. */
  today: IsoDate;
  /** Days from here on are estimated. */
  estimatedFrom: IsoDate;
  currency: string;
  /** Groups per page; days without groups count as one. */
  pageSize: number;
  /** Each page has a part of every day, instead of one day after the other. */
  mixesDays: boolean;
  stop(): Promise<void>;
}

export interface CostExplorerOptions {
  readonly port?: number;
  readonly today?: IsoDate;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly onCall?: (request: CostRequest, status: number) => void;
}

type Refusal = readonly [status: number, code: string, message: string];

const TARGET = 'AWSInsightsIndexService.GetCostAndUsage';
const SIGNED =
  /^AWS4-HMAC-SHA256 Credential=(?<key>[^/]+)\/\d{8}\/[^/]+\/ce\/aws4_request, SignedHeaders=\S*host\S*, Signature=[0-9a-f]{64}$/;
const PAGE_SIZE = 1_000;

/** Starts it; the caller stops it. */
export async function startCostExplorerDouble(options: CostExplorerOptions = {}): Promise<CostExplorerDouble> {
  const pages = new Map<string, { request: string; from: number }>();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const today = options.today ?? utcDate(new Date());
  const double: CostExplorerDouble = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accessKeyId: options.accessKeyId ?? `AKIA${randomUUID().slice(0, 8).toUpperCase()}`,
    secretAccessKey: options.secretAccessKey ?? randomUUID(),
    calls: [],
    faults: [],
    charges: [],
    names: {},
    today,
    estimatedFrom: `${today.slice(0, 7)}-01`,
    currency: 'USD',
    pageSize: PAGE_SIZE,
    mixesDays: false,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return double;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const refusal = refusalOf(request);
    if (refusal !== null) return refuse(response, refusal);
    const asked = JSON.parse(body) as CostRequest;
    double.calls.push(asked);
    response.on('close', () => options.onCall?.(asked, response.statusCode));
    const fault = takeFault();
    if (fault?.kind === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'nonsense') return send(response, 200, '<html><body>Sign in to the network</body></html>');
    if (fault?.kind === 'error') return refuse(response, [fault.status, fault.code, fault.message ?? fault.code]);
    if (fault?.kind === 'throttle') {
      if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(fault.retryAfterSeconds));
      return refuse(response, [400, fault.code ?? 'ThrottlingException', 'Rate exceeded']);
    }
    const invalid = invalidityOf(asked);
    if (invalid !== null) return refuse(response, invalid);
    const json = JSON.stringify(pageOf(asked, fault?.kind === 'damage'));
    if (fault?.kind !== 'cut') return send(response, 200, json);
    response.writeHead(200, {
      'content-type': 'application/x-amz-json-1.1',
      'content-length': Buffer.byteLength(json),
    });
    await new Promise<void>((resolve) => response.write(json.slice(0, json.length / 2), () => resolve()));
    request.socket.destroy();
  }

  function takeFault(): CostFault | undefined {
    const [fault] = double.faults;
    if (fault === undefined) return undefined;
    if ((fault.skip ?? 0) > 0) {
      fault.skip = (fault.skip ?? 0) - 1;
      return undefined;
    }
    return double.faults.shift();
  }

  function refusalOf({ method, headers }: IncomingMessage): Refusal | null {
    const signed = SIGNED.exec(headers.authorization ?? '')?.groups;
    if (signed === undefined || headers['x-amz-date'] === undefined) {
      return [400, 'MissingAuthenticationTokenException', 'Request is missing Authentication Token'];
    }
    if (signed['key'] !== double.accessKeyId) {
      return [400, 'UnrecognizedClientException', 'The security token included in the request is invalid.'];
    }
    const target = headers['x-amz-target'];
    if (method === 'POST' && target === TARGET && headers['content-type'] === 'application/x-amz-json-1.1') return null;
    return [400, 'UnknownOperationException', `${String(target)} is not a call that this server knows.`];
  }

  function invalidityOf({
    TimePeriod,
    Granularity,
    Metrics,
    GroupBy = [],
    NextPageToken,
    ...rest
  }: CostRequest): Refusal | null {
    const invalid = (message: string): Refusal => [400, 'ValidationException', message];
    if (Granularity !== 'DAILY') return invalid('Only DAILY is served here.');
    if (TimePeriod.Start >= TimePeriod.End)
      return invalid('Start date (and hour) should be before end date (and hour)');
    if (TimePeriod.Start > double.today)
      return invalid('Start date must be equal to or no later than the current date');
    if (TimePeriod.Start < addDays(`${double.today.slice(0, 7)}-01`, -397))
      return invalid('Start date is too far back');
    if (GroupBy.length > 2) return invalid('Too many GroupBys');
    if (Metrics.length === 0) return invalid('Metrics is required');
    const page = NextPageToken === undefined ? null : pages.get(NextPageToken);
    if (page === undefined) return [400, 'InvalidNextTokenException', 'The pagination token is invalid.'];
    const same = JSON.stringify({ TimePeriod, Metrics, GroupBy, ...rest });
    if (page === null || page.request === same) return null;
    return [400, 'RequestChangedException', 'Your request parameters changed between pages.'];
  }

  function pageOf(request: CostRequest, isDamaged: boolean) {
    const { NextPageToken, GroupBy = [], Granularity: _, ...rest } = request;
    const days = evaluate(double.charges, request, (day) => day >= double.estimatedFrom, double.currency);
    const units = days.flatMap((day) => unitsOf(day).map((group, place) => ({ day, group, place })));
    if (double.mixesDays) units.sort((left, right) => left.place - right.place);
    const from = pages.get(NextPageToken ?? '')?.from ?? 0;
    const shown = units.slice(from, from + double.pageSize);
    const results = [...Map.groupBy(shown, ({ day }) => day)].map(([day, of]) => ({
      ...day,
      Groups: of.flatMap(({ group }) => (group === null ? [] : [group])).slice(isDamaged ? 1 : 0),
    }));
    const end = from + double.pageSize;
    const accounts = new Set(shown.flatMap(({ group }) => group?.Keys ?? []));
    return {
      GroupDefinitions: GroupBy,
      ResultsByTime: results,
      DimensionValueAttributes: Object.entries(double.names)
        .filter(([account]) => accounts.has(account))
        .map(([Value, description]) => ({ Value, Attributes: { description } })),
      ...(end < units.length
        ? {
            NextPageToken: nextPage({
              request: JSON.stringify({
                TimePeriod: rest.TimePeriod,
                Metrics: rest.Metrics,
                GroupBy,
                ...(rest.Filter === undefined ? {} : { Filter: rest.Filter }),
              }),
              from: end,
            }),
          }
        : {}),
    };
  }

  function nextPage(page: { request: string; from: number }): string {
    const token = Buffer.from(randomUUID()).toString('base64');
    pages.set(token, page);
    return token;
  }
}

/** What is counted by pages: groups, and days that have none. */
function unitsOf({ Groups }: ResultDay): (ResultGroup | null)[] {
  return Groups.length === 0 ? [null] : [...Groups];
}

function refuse(response: ServerResponse, [status, code, message]: Refusal): void {
  response.setHeader('x-amzn-errortype', code);
  send(response, status, JSON.stringify({ __type: code, message }));
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() });
  response.end(body);
}
