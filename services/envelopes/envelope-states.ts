/** Where each envelope stands, as rows: read before an evaluation, written after it, all in one statement each. */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { Decimal } from '../kernel/decimal.ts';
import type { EnvelopeFigure } from './envelope-figures.ts';
import type { EnvelopeState } from './state-machine.ts';

/** The states of these envelopes by id; one never evaluated has none. */
export async function readEnvelopeStates(
  db: Kysely<DB>,
  figures: readonly EnvelopeFigure[],
): Promise<Map<string, EnvelopeState>> {
  const { rows } = await sql<StateRow>`
    select envelope_id, version, episode, spoken_rung, spoken_watermark, clean_since, clean_watermark, clean_floor,
      closed_at is not null as is_closed, trim_scale(actual) as actual
    from envelope_state where envelope_id = any (${figures.map((figure) => figure.envelopeId)}::bigint[])
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
    isClosed: row.is_closed,
    actual: row.actual,
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
  await sql`
    insert into envelope_state as stored (envelope_id, version, episode, spoken_rung, spoken_watermark, clean_since,
      clean_watermark, clean_floor, closed_at, actual, rung, data_as_of, evaluated_at, held_reason)
    select envelope_id, version, episode, spoken_rung, spoken_watermark, clean_since, clean_watermark, clean_floor,
      case when is_closed then ${at.toISOString()}::timestamptz end, actual, rung, data_as_of, ${at.toISOString()}::timestamptz,
      held_reason
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as judged (envelope_id bigint, version integer, episode integer,
      spoken_rung text, spoken_watermark timestamptz, clean_since timestamptz, clean_watermark timestamptz, clean_floor text,
      is_closed boolean, actual numeric, rung text, data_as_of timestamptz, held_reason text)
    on conflict (envelope_id) do update set
      version = excluded.version, episode = excluded.episode, spoken_rung = excluded.spoken_rung,
      spoken_watermark = excluded.spoken_watermark, clean_since = excluded.clean_since,
      clean_watermark = excluded.clean_watermark, clean_floor = excluded.clean_floor,
      closed_at = coalesce(stored.closed_at, excluded.closed_at), actual = excluded.actual,
      rung = case when excluded.held_reason is null then excluded.rung else stored.rung end,
      data_as_of = case when excluded.held_reason is null then excluded.data_as_of else stored.data_as_of end,
      evaluated_at = excluded.evaluated_at, held_reason = excluded.held_reason
  `.execute(trx);
}
