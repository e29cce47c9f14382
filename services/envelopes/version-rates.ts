/**
 * The exchange rates an envelope's version keeps: those of the day it was approved, for every billing currency that turns up in
 * its scope. Kept once, never renewed: a rate that doubles makes no pod look as if it had spent more.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { fillConversionRates } from '../fx/conversion.ts';
import type { EnvelopeFigure } from './envelope-figures.ts';
import { countsIn } from './headroom.ts';

/**
 * Keeps what can be resolved of the figures' missing rates; true where at least one was kept. What cannot be resolved stays
 * missing without an error: it holds the envelope, never the bill.
 */
export async function keepMissingRates(trx: Transaction<DB>, figures: readonly EnvelopeFigure[]): Promise<boolean> {
  const wanted = figures.flatMap((figure) => figure.missingRates.map((from) => ({ figure, from })));
  if (wanted.length === 0) return false;
  for (const [to, group] of Map.groupBy(wanted, ({ figure }) => figure.currency)) {
    const need = sql`
      select from_currency, on_date
      from unnest(${group.map(({ from }) => from)}::text[], ${group.map(({ figure }) => figure.approvedOn)}::date[])
        as asked (from_currency, on_date)`;
    await fillConversionRates(trx, { need, to });
  }
  const { numAffectedRows } = await sql`
    insert into envelope_version_rate (envelope_id, version, from_currency, rate)
    select wanted.envelope_id, wanted.version, wanted.from_currency, conversion_rate.rate
    from unnest(${wanted.map(({ figure }) => figure.envelopeId)}::bigint[],
      ${wanted.map(({ figure }) => figure.version)}::integer[], ${wanted.map(({ from }) => from)}::text[])
      as wanted (envelope_id, version, from_currency)
    join envelope_version as version on version.envelope_id = wanted.envelope_id and version.version = wanted.version
    join conversion_rate on conversion_rate.from_currency = wanted.from_currency
      and conversion_rate.to_currency = version.currency and conversion_rate.on_date = version.approved_on
    on conflict do nothing
  `.execute(trx);
  return (numAffectedRows ?? 0n) > 0n;
}

/** Portfolios' versions keep a rate for the currency of every pod's limit inside them, as their headroom counts them. */
export async function keepHeadroomRates(trx: Transaction<DB>): Promise<void> {
  // Periods and currencies of pods' limits are few, however many limits there are.
  const need = sql`
    with newest as materialized (
      select envelope.id, scope_kind, period_start, period_end, version.version, version.currency, version.approved_on
      from envelope
      join lateral (select * from envelope_version where envelope_id = envelope.id order by version desc limit 1) as version on true
      where withdrawn_at is null and scope_kind in ('pod', 'portfolio')
    ),
    used as materialized (select distinct currency, period_start, period_end from newest where scope_kind = 'pod')
    select distinct portfolio.id as envelope_id, portfolio.version, portfolio.currency as to_currency,
      portfolio.approved_on as on_date, used.currency as from_currency
    from newest as portfolio
    join used on used.currency <> portfolio.currency and ${countsIn(
      { start: sql`used.period_start`, end: sql`used.period_end` },
      { start: sql`portfolio.period_start`, end: sql`portfolio.period_end` },
    )}
    where portfolio.scope_kind = 'portfolio' and not exists (
      select from envelope_version_rate as kept where kept.envelope_id = portfolio.id and kept.version = portfolio.version
        and kept.from_currency = used.currency)`;
  const { rows } = await sql<{ to_currency: string }>`select distinct to_currency from (${need}) as need`.execute(trx);
  for (const { to_currency: to } of rows) {
    await fillConversionRates(trx, {
      need: sql`select from_currency, on_date from (${need}) as need where to_currency = ${to}`,
      to,
    });
  }
  if (rows.length === 0) return;
  await sql`
    insert into envelope_version_rate (envelope_id, version, from_currency, rate)
    select envelope_id, version, from_currency, rate
    from (${need}) as need join conversion_rate using (from_currency, to_currency, on_date)
    on conflict do nothing
  `.execute(trx);
}

/** The sentence shown with an envelope whose figure waits for a rate; null where it waits for none. */
export function describeMissingRates(figure: EnvelopeFigure): string | null {
  if (figure.missingRates.length === 0) return null;
  return (
    `There is no exchange rate from ${figure.missingRates.join(', ')} to ${figure.currency} for ${figure.approvedOn}, ` +
    'the day this envelope was approved. Add it to a file of fx.files and run "outturn apply".'
  );
}
