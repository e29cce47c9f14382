/** Sources over HTTP: the shapes of `outturn sources --json`, `sources runs` and `sources check`. */
import { Type } from 'typebox';
import { PAGE_QUERY } from '../paging.ts';
import { CurrencyCode, DateText, DecimalText, Id, nullable, oneOf } from './common.ts';

export const SourceParams = Type.Object({ sourceId: Id }, { additionalProperties: false });
export const RunQuery = Type.Object(PAGE_QUERY, { additionalProperties: false });

const Instant = Type.String({ description: 'RFC 3339 in UTC.' });
const Count = Type.String({ pattern: '^\\d+$' });

const Fault = Type.Object({
  file: Type.Optional(Type.String()),
  line: Type.Optional(Type.Integer()),
  record: Type.Optional(Type.Integer()),
  column: Type.Optional(Type.String()),
  reason: Type.String(),
  fix: Type.Optional(Type.String()),
});

export const RunView = Type.Object({
  runId: Type.String(),
  reason: oneOf(['schedule', 'command', 'request'], 'Who asked for it.'),
  range: nullable(Type.Object({ start: DateText, end: DateText })),
  startedAt: Instant,
  finishedAt: nullable(Instant),
  outcome: nullable(oneOf(['changed', 'unchanged', 'waiting', 'failed'], 'Null while it runs.')),
  filesFetched: Type.Integer(),
  bytesFetched: Count,
  waiting: Type.Array(Type.String(), { description: 'Deliveries that were there but not complete.' }),
  error: nullable(
    Type.Object({
      code: Type.String(),
      message: Type.String(),
      faults: Type.Array(Fault, { description: 'The places in a bill that are at fault, at most a hundred.' }),
    }),
  ),
});

export const SourceView = Type.Object({
  sourceId: Id,
  kind: Type.String(),
  state: oneOf(
    ['waiting', 'running', 'retrying', 'paused', 'manual', 'notScheduled'],
    'paused: it failed so often that it is tried every six hours only. manual: looked at when somebody asks.',
  ),
  lastRun: nullable(RunView),
  latest: nullable(
    Type.Object({
      billingPeriod: Type.String(),
      deliveredAt: Instant,
      dataAsOf: nullable(Instant),
      finality: oneOf(['estimated', 'final'], 'final: every charge has its invoice id.'),
      rows: Count,
      totals: Type.Array(Type.Object({ billingCurrency: CurrencyCode, billedCost: DecimalText })),
    }),
  ),
  refused: nullable(Type.Object({ loadId: Type.String(), billingPeriod: Type.String(), message: Type.String() })),
  spentToday: Type.Object({ requests: Count, bytesBilled: Count, amount: DecimalText }),
  failures: Type.Integer({ description: 'In a row.' }),
  nextRunAt: nullable(Instant),
  summary: Type.String({ description: 'All of it in one sentence.' }),
});

export const ChecksView = Type.Object({
  sourceId: Id,
  checks: Type.Array(
    Type.Object({
      subject: Type.String(),
      state: oneOf(['ok', 'note', 'wrong'], 'wrong: the message says the fix.'),
      message: Type.String(),
    }),
  ),
});
