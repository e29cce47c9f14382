/**
 * Writes the rows of an applied organisation: its settings, portfolios, pods with their history, and sources. A thing that left the file
 * keeps its row, marked removed: figures, outcomes and loads still name it.
 */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { utcDate } from '../kernel/period.ts';
import type { Organisation, PodEntry } from './organisation.ts';
import type { Plan } from './plan-organisation.ts';
import { podRowOf } from './pod-row.ts';

/** Where bills of no declared source are kept; it exists before any file does and never leaves. */
const DEFAULT_SOURCE = 'files';

/** What uploaded evidence may hold unless the file says: 5 GB, and 512 MB that one name adds in a day. */
const EVIDENCE_BYTES_MAX = 5 * 1_073_741_824;
const EVIDENCE_BYTES_PER_DAY_MAX = 512 * 1_048_576;

/** Brings the rows to the file; of the pods only those that the plan changes, so that what the product changed stays. */
export async function storeOrganisation(
  trx: Transaction<DB>,
  options: { organisation: Organisation; plan: Plan; at: Date },
): Promise<void> {
  const { organisation, plan, at } = options;
  await storeSettings(trx, organisation);
  await storePortfolios(trx, organisation, at);
  await storePods(trx, { plan, at });
  await storePodHistory(trx, organisation);
  await storeSources(trx, organisation, at);
}

async function storeSettings(trx: Transaction<DB>, organisation: Organisation): Promise<void> {
  const { reporting, fx, channels, journal = {}, evidence = {} } = organisation;
  await sql`
    update organisation set name = ${organisation.name}, reporting_currency = ${reporting.currency},
      cost_metric = ${reporting.costMetric}, fiscal_year_start_month = ${reporting.fiscalYearStartMonth},
      fiscal_year_named_by = ${reporting.fiscalYearNamedBy}, time_zone = ${reporting.timeZone},
      holidays = ${[...reporting.holidays]}::date[], revenue_basis = ${reporting.revenueBasis}, fx_policy = ${fx.policy},
      fx_carry_days = ${fx.carryDays}, finance_channel = ${channels.finance ?? null}, operators_channel = ${channels.operators ?? null},
      journal_expense_account = ${journal.expenseAccount ?? 'cloud-expense'},
      journal_unassigned_account = ${journal.unassignedAccount ?? 'cloud-unassigned'},
      journal_unattributed_account = ${journal.unattributedAccount ?? 'cloud-unattributed'},
      journal_clearing_account = ${journal.clearingAccount ?? 'cloud-clearing'},
      evidence_bytes_max = ${evidence.bytesMax ?? EVIDENCE_BYTES_MAX},
      evidence_bytes_per_day_max = ${evidence.bytesPerDayMax ?? EVIDENCE_BYTES_PER_DAY_MAX}
  `.execute(trx);
}

async function storePortfolios(trx: Transaction<DB>, organisation: Organisation, at: Date): Promise<void> {
  const rows = organisation.portfolios.map((portfolio) => ({
    id: portfolio.id,
    name: portfolio.name,
    owner_email: portfolio.owner ?? null,
    finance_partner_email: portfolio.financePartner ?? null,
    slack_channel: portfolio.channel ?? portfolio.slackChannel ?? null,
    delegated_raise_limit: portfolio.delegatedRaise?.limit ?? null,
    delegated_raise_currency: portfolio.delegatedRaise?.currency ?? null,
  }));
  await sql`
    insert into portfolio (id, name, owner_email, finance_partner_email, slack_channel, delegated_raise_limit, delegated_raise_currency)
    select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as entry (id text, name text, owner_email text,
      finance_partner_email text, slack_channel text, delegated_raise_limit numeric, delegated_raise_currency text)
    on conflict (id) do update set name = excluded.name, owner_email = excluded.owner_email,
      finance_partner_email = excluded.finance_partner_email, slack_channel = excluded.slack_channel,
      delegated_raise_limit = excluded.delegated_raise_limit, delegated_raise_currency = excluded.delegated_raise_currency,
      removed_at = null
  `.execute(trx);
  await sql`
    update portfolio set removed_at = ${at.toISOString()}::timestamptz
    where removed_at is null and not id = any (${rows.map(({ id }) => id)}::text[])
  `.execute(trx);
}

async function storePods(trx: Transaction<DB>, options: { plan: Plan; at: Date }): Promise<void> {
  const changes = options.plan.changes.filter(({ noun }) => noun === 'pod');
  const rows = changes.flatMap(({ to }) => (to === null ? [] : [podRowOf(to as PodEntry, utcDate(options.at))]));
  await sql`
    insert into pod (id, name, kind, portfolio_id, owner_email, finance_partner_email, cost_centre, slack_channel, active_from, active_until)
    select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as entry (id text, name text, kind text, portfolio_id text,
      owner_email text, finance_partner_email text, cost_centre text, slack_channel text, active_from date, active_until date)
    on conflict (id) do update set name = excluded.name, kind = excluded.kind, portfolio_id = excluded.portfolio_id,
      owner_email = excluded.owner_email, finance_partner_email = excluded.finance_partner_email,
      cost_centre = excluded.cost_centre, slack_channel = excluded.slack_channel, active_from = excluded.active_from,
      active_until = excluded.active_until, removed_at = null
  `.execute(trx);
  const removed = changes.filter(({ action }) => action === 'remove').map(({ id }) => id);
  await sql`
    update pod set removed_at = ${options.at.toISOString()}::timestamptz where removed_at is null and id = any (${removed}::text[])
  `.execute(trx);
}

/** What holds when, and who succeeds whom. Pods that left the file keep what it said last; nobody in it may name them. */
async function storePodHistory(trx: Transaction<DB>, organisation: Organisation): Promise<void> {
  const content = JSON.stringify({ pods: organisation.pods });
  const ids = organisation.pods.map(({ id }) => id);
  await sql`delete from pod_period where pod_id = any (${ids}::text[])`.execute(trx);
  await sql`insert into pod_period select * from pod_periods_of(${content}::jsonb)`.execute(trx);
  await sql`delete from pod_successor where pod_id = any (${ids}::text[])`.execute(trx);
  await sql`insert into pod_successor select * from pod_successors_of(${content}::jsonb)`.execute(trx);
}

async function storeSources(trx: Transaction<DB>, organisation: Organisation, at: Date): Promise<void> {
  const rows = organisation.sources.map((source) => ({
    id: source.id,
    kind: source.kind,
    settings: source.settings,
    expect_every: source.expectEvery ?? null,
    settle_after: source.settleAfter ?? null,
  }));
  await sql`
    insert into source (id, kind, settings, expect_every, settle_after)
    select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as entry (id text, kind text, settings jsonb, expect_every text, settle_after text)
    on conflict (id) do update set kind = excluded.kind, settings = excluded.settings, expect_every = excluded.expect_every,
      settle_after = excluded.settle_after, removed_at = null
  `.execute(trx);
  await sql`
    update source set removed_at = ${at.toISOString()}::timestamptz
    where removed_at is null and id <> ${DEFAULT_SOURCE} and not id = any (${rows.map(({ id }) => id)}::text[])
  `.execute(trx);
}
