/**
 * The organisation as it was known at an instant: settings, pods and sources of the file that was applied last by then, and the
 * rulebook that was in force. A pod that no file ever named is taken as it is.
 */
import { sql } from 'kysely';
import type { Organisation, PodEntry } from '../organisation/organisation.ts';
import { podRowOf } from '../organisation/pod-row.ts';
import { utcDate } from '../kernel/period.ts';
import { ownTable, type Shadow } from './shadow.ts';

/** Hides organisation, pod, pod_period, pod_successor and source; gives the rulebook that was in force. */
export async function hideOrganisation(shadow: Shadow, at: Date): Promise<number> {
  const { trx } = shadow;
  const instant = sql`${at.toISOString()}::timestamptz`;
  const { rows } = await sql<{ content: Organisation | null; has_later: boolean; rulebook_id: number }>`
    select
      (select content from applied_file where applied_at <= ${instant} order by id desc limit 1) as content,
      exists (select from applied_file where applied_at > ${instant}) as has_later,
      coalesce((select rulebook_id from rulebook_activation where activated_at <= ${instant}
        order by activated_at desc, id desc limit 1), 0) as rulebook_id
  `.execute(trx);
  const { content = null, has_later: hasLater = false, rulebook_id: rulebookId = 0 } = rows[0] ?? {};
  await shadow.copy('organisation');
  await sql`update organisation set rulebook_id = ${rulebookId}`.execute(trx);
  // Without any file, what stands in the rows was never changed.
  if (content !== null) await restoreSettings(shadow, content);
  else if (hasLater) await restoreDefaults(shadow);
  await hidePods(shadow, content, at);
  await hideSources(shadow, content);
  return rulebookId;
}

async function restoreSettings({ trx }: Shadow, { name, reporting, fx }: Organisation): Promise<void> {
  await sql`
    update organisation set name = ${name}, reporting_currency = ${reporting.currency}, cost_metric = ${reporting.costMetric},
      fiscal_year_start_month = ${reporting.fiscalYearStartMonth}, fiscal_year_named_by = ${reporting.fiscalYearNamedBy},
      time_zone = ${reporting.timeZone}, holidays = ${[...reporting.holidays]}::date[], revenue_basis = ${reporting.revenueBasis},
      fx_policy = ${fx.policy}, fx_carry_days = ${fx.carryDays}
  `.execute(trx);
}

/** What migrations insert: the organisation before its first file. */
async function restoreDefaults({ trx }: Shadow): Promise<void> {
  await sql`
    update organisation set name = '', reporting_currency = 'USD', cost_metric = 'EffectiveCost', fiscal_year_start_month = 1,
      fiscal_year_named_by = 'start', time_zone = 'UTC', holidays = '{}', revenue_basis = 'margin', fx_policy = 'daily', fx_carry_days = 7
  `.execute(trx);
}

/** A pod's row holds what its last change said on the day it was applied; pods that had left the file by then are marked removed. */
async function hidePods(shadow: Shadow, content: Organisation | null, at: Date): Promise<void> {
  const { trx } = shadow;
  const instant = sql`${at.toISOString()}::timestamptz`;
  const { rows } = await sql<{ entry: PodEntry; applied_at: Date }>`
    select distinct on (pod_id) entry, applied_at from (
      select file.id, applied_at, entry, entry ->> 'id' as pod_id,
        lag(entry) over (partition by entry ->> 'id' order by file.id) as former
      from applied_file as file, jsonb_array_elements(content -> 'pods') as entry where applied_at <= ${instant}
    ) as stated where former is distinct from entry order by pod_id, id desc
  `.execute(trx);
  const inFile = sql`exists (
    select from applied_file, jsonb_array_elements(content -> 'pods') as entry where entry ->> 'id' = `;
  const current = new Set((content?.pods ?? []).map(({ id }) => id));
  const pods = rows.map(({ entry, applied_at: appliedAt }) => ({
    ...podRowOf(entry, utcDate(appliedAt)),
    removed_at: current.has(entry.id) ? null : at.toISOString(),
  }));
  await shadow.copy('pod', sql`not ${inFile} pod.id)`);
  await sql`
    insert into pod (id, name, kind, portfolio_id, owner_email, finance_partner_email, cost_centre, slack_channel, active_from,
      active_until, removed_at)
    select * from jsonb_to_recordset(${JSON.stringify(pods)}::jsonb) as entry (id text, name text, kind text, portfolio_id text,
      owner_email text, finance_partner_email text, cost_centre text, slack_channel text, active_from date, active_until date,
      removed_at timestamptz)
  `.execute(trx);
  const stated = sql`${JSON.stringify({ pods: rows.map(({ entry }) => entry) })}::jsonb`;
  await shadow.copy('pod_period', sql`not ${inFile} pod_period.pod_id)`);
  await sql`insert into pod_period select * from pod_periods_of(${stated})`.execute(trx);
  await shadow.copy('pod_successor', sql`not ${inFile} pod_successor.pod_id)`);
  await sql`insert into pod_successor select * from pod_successors_of(${stated})`.execute(trx);
}

/** When a source was expected and settled decides what is final and how far data reaches. */
async function hideSources(shadow: Shadow, content: Organisation | null): Promise<void> {
  await shadow.copy('source');
  if (content === null) return;
  const rows = content.sources.map(({ id, expectEvery, settleAfter }) => ({
    id,
    expect_every: expectEvery ?? null,
    settle_after: settleAfter ?? null,
  }));
  await sql`
    update source set expect_every = entry.expect_every, settle_after = entry.settle_after
    from ${ownTable('source')} as own
    left join jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as entry (id text, expect_every text, settle_after text)
      on entry.id = own.id
    where own.id = source.id
  `.execute(shadow.trx);
}
