/** Where each envelope stands, as rows: read before an evaluation, written after it, all in one statement each. */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { EnvelopeFigure } from './envelope-figures.ts';
import type { EnvelopeState } from './state-machine.ts';

/** The states of these envelopes by id; one never evaluated has none. */
export async function readEnvelopeStates(
  db: Kysely<DB>,
  envelopeIds: readonly string[],
): Promise<Map<string, EnvelopeState>> {
  const { rows } = await sql<StateRow>`
    select envelope_id, version, episode, spoken_rung, spoken_watermark, clean_since, clean_watermark, clean_floor,
      held_rung, held_reason_kind, held_told, held_since, held_escalated, over_since, has_escalated, acknowledged_rung, acknowledged_by,
      acknowledged_at, snoozed_rung, snoozed_by, snoozed_until, closed_at is not null as is_closed, trim_scale(actual) as actual
    from envelope_state where envelope_id = any (${[...envelopeIds]}::bigint[])
  `.execute(db);
  return new Map(rows.map((row) => [row.envelope_id, toState(row)]));
}

interface StateRow {
  envelope_id: string;
  version: number;
  episode: number;
  spoken_rung: Decimal | null;
  spoken_watermark: Date | null;
  clean_since: Date | null;
  clean_watermark: Date | null;
  clean_floor: Decimal | null;
  held_rung: Decimal | null;
  held_reason_kind: 'rules' | 'snoozed' | null;
  held_told: Decimal | null;
  held_since: Date | null;
  held_escalated: boolean;
  over_since: Date | null;
  has_escalated: boolean;
  acknowledged_rung: Decimal | null;
  acknowledged_by: string | null;
  acknowledged_at: Date | null;
  snoozed_rung: Decimal | null;
  snoozed_by: string | null;
  snoozed_until: Date | null;
  is_closed: boolean;
  actual: Decimal | null;
}

function toState(row: StateRow): EnvelopeState {
  const { clean_since: since, clean_watermark: watermark } = row;
  return {
    // Only held until now: no version was ever judged.
    version: row.actual === null ? null : row.version,
    episode: row.episode,
    spokenRung: row.spoken_rung,
    spokenWatermark: row.spoken_watermark,
    clean: since === null || watermark === null ? null : { since, watermark, floor: row.clean_floor },
    ...toActs(row),
    isClosed: row.is_closed,
    actual: row.actual,
  };
}

/** Each is there whole or not at all: the table checks it. */
function toActs(row: StateRow): Pick<EnvelopeState, 'held' | 'overSince' | 'hasEscalated' | 'acknowledged' | 'snooze'> {
  const { held_rung: heldRung, held_reason_kind: reason, held_since: since } = row;
  const { acknowledged_rung: seenRung, acknowledged_by: seenBy, acknowledged_at: at } = row;
  const { snoozed_rung: snoozedRung, snoozed_by: snoozedBy, snoozed_until: until } = row;
  return {
    held:
      heldRung === null || reason === null || since === null
        ? null
        : { rung: heldRung, reason, told: row.held_told, since, hasEscalated: row.held_escalated },
    overSince: row.over_since,
    hasEscalated: row.has_escalated,
    acknowledged: seenRung === null || seenBy === null || at === null ? null : { rung: seenRung, by: seenBy, at },
    snooze:
      snoozedRung === null || snoozedBy === null || until === null ? null : { rung: snoozedRung, by: snoozedBy, until },
  };
}

/** Writes what an evaluation found. A held envelope keeps its figures and says why it waits. */
export async function storeEnvelopeStates(
  trx: Transaction<DB>,
  judged: readonly {
    readonly figure: EnvelopeFigure;
    readonly state: EnvelopeState;
    readonly shownRung: string | null;
    readonly heldReason: string | null;
  }[],
  at: Date,
): Promise<void> {
  if (judged.length === 0) return;
  const rows = judged.map(({ figure, state, shownRung, heldReason }) => ({
    ...actColumns(state),
    envelope_id: figure.envelopeId,
    version: state.version ?? figure.version,
    episode: state.episode,
    spoken_rung: state.spokenRung,
    spoken_watermark: state.spokenWatermark,
    clean_since: state.clean?.since ?? null,
    clean_watermark: state.clean?.watermark ?? null,
    clean_floor: state.clean?.floor ?? null,
    is_closed: state.isClosed,
    actual: state.actual,
    rung: shownRung,
    data_as_of: figure.dataAsOf,
    held_reason: heldReason,
  }));
  const judgedColumns = sql.raw([...JUDGED_COLUMNS, ...ACT_COLUMNS].map(([name]) => name).join(', '));
  const types = sql.raw([...JUDGED_COLUMNS, ...ACT_COLUMNS].map(([name, type]) => `${name} ${type}`).join(', '));
  const replaced = sql.raw(
    [...JUDGED_COLUMNS, ...ACT_COLUMNS]
      .slice(1)
      .map(([name]) => `${name} = excluded.${name}`)
      .join(', '),
  );
  await sql`
    insert into envelope_state as stored (${judgedColumns}, closed_at, rung, data_as_of, evaluated_at)
    select ${judgedColumns}, case when is_closed then ${at.toISOString()}::timestamptz end, rung, data_as_of,
      ${at.toISOString()}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as judged (${types}, is_closed boolean, rung text, data_as_of timestamptz)
    on conflict (envelope_id) do update set ${replaced},
      closed_at = coalesce(stored.closed_at, excluded.closed_at),
      rung = case when excluded.held_reason is null then excluded.rung else stored.rung end,
      data_as_of = case when excluded.held_reason is null then excluded.data_as_of else stored.data_as_of end,
      evaluated_at = excluded.evaluated_at
  `.execute(trx);
}

/** Writes what an act changed: the figures of the last evaluation stay. */
export async function storeEnvelopeActs(
  trx: Transaction<DB>,
  acted: readonly { readonly envelopeId: string; readonly state: EnvelopeState }[],
): Promise<void> {
  if (acted.length === 0) return;
  const rows = acted.map(({ envelopeId, state }) => ({ envelope_id: envelopeId, ...actColumns(state) }));
  const types = sql.raw(ACT_COLUMNS.map(([name, type]) => `${name} ${type}`).join(', '));
  const replaced = sql.raw(ACT_COLUMNS.map(([name]) => `${name} = acted.${name}`).join(', '));
  await sql`
    update envelope_state set ${replaced}
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as acted (envelope_id bigint, ${types})
    where envelope_state.envelope_id = acted.envelope_id
  `.execute(trx);
}

const JUDGED_COLUMNS = [
  ['envelope_id', 'bigint'],
  ['version', 'integer'],
  ['episode', 'integer'],
  ['spoken_rung', 'text'],
  ['spoken_watermark', 'timestamptz'],
  ['clean_since', 'timestamptz'],
  ['clean_watermark', 'timestamptz'],
  ['clean_floor', 'text'],
  ['actual', 'numeric'],
  ['held_reason', 'text'],
] as const;

const ACT_COLUMNS = [
  ['held_rung', 'text'],
  ['held_reason_kind', 'text'],
  ['held_told', 'text'],
  ['held_since', 'timestamptz'],
  ['held_escalated', 'boolean'],
  ['over_since', 'timestamptz'],
  ['has_escalated', 'boolean'],
  ['acknowledged_rung', 'text'],
  ['acknowledged_by', 'text'],
  ['acknowledged_at', 'timestamptz'],
  ['snoozed_rung', 'text'],
  ['snoozed_by', 'text'],
  ['snoozed_until', 'timestamptz'],
] as const;

function actColumns({ held, overSince, hasEscalated, acknowledged, snooze }: EnvelopeState) {
  return {
    held_rung: held?.rung ?? null,
    held_reason_kind: held?.reason ?? null,
    held_told: held?.told ?? null,
    held_since: held?.since ?? null,
    held_escalated: held?.hasEscalated ?? false,
    over_since: overSince,
    has_escalated: hasEscalated,
    acknowledged_rung: acknowledged?.rung ?? null,
    acknowledged_by: acknowledged?.by ?? null,
    acknowledged_at: acknowledged?.at ?? null,
    snoozed_rung: snooze?.rung ?? null,
    snoozed_by: snooze?.by ?? null,
    snoozed_until: snooze?.until ?? null,
  };
}
