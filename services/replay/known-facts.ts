/**
 * What else was known at an instant, each table behind the rows of then: exchange rates, outcomes, envelopes and where they stood,
 * usage, invoices and the statements that were approved. Conversions are resolved anew from the rates of then.
 */
import { type RawBuilder, sql } from 'kysely';
import { ownTable, type Shadow } from './shadow.ts';

/** Hides everything of this module. */
export async function hideFacts(shadow: Shadow, at: Date): Promise<void> {
  const instant = sql`${at.toISOString()}::timestamptz`;
  await hideRates(shadow, instant);
  await hideOutcomes(shadow, instant);
  await hideEnvelopes(shadow, instant);
  await hideUsage(shadow, instant);
  await hideInvoices(shadow, instant);
  await shadow.copy('statement', sql`state = 'approved' and approved_at <= ${instant}`);
  // What is kept of the adjustments that nothing has booked yet is of today's figures.
  await shadow.hide('open_adjustment');
  await shadow.hide('open_adjustment_version');
}

async function hideRates(shadow: Shadow, instant: RawBuilder<unknown>): Promise<void> {
  await shadow.copy('fx_rate', sql`known_from <= ${instant}`);
  await sql`
    insert into fx_rate (rate_date, base_currency, quote_currency, rate, file_name, known_from)
    select rate_date, base_currency, quote_currency, rate, file_name, known_from from former_fx_rate
    where known_from <= ${instant} and known_until > ${instant}
  `.execute(shadow.trx);
  await shadow.hide('conversion_rate');
}

/**
 * From the newest version of each outcome that was stated by then. Its money is text in there. Versions of before schedules had verdicts
 * say by their state whether all of it was verified.
 */
async function hideOutcomes(shadow: Shadow, instant: RawBuilder<unknown>): Promise<void> {
  const { trx } = shadow;
  await shadow.hide('outcome');
  await shadow.hide('outcome_share');
  await shadow.hide('outcome_schedule');
  await shadow.hide('outcome_enabler');
  const known = sql`(
    select distinct on (outcome_id) outcome_id, version, state, content, at from outcome_version
    where at <= ${instant} order by outcome_id, version desc
  )`;
  await sql`
    insert into outcome_share (outcome_id, pod_id, basis_points, agreed_by, agreed_at)
    select outcome_id, share ->> 'podId', (share ->> 'basisPoints')::int, share ->> 'agreedBy', (share ->> 'agreedAt')::timestamptz
    from ${known} as known, jsonb_array_elements(content -> 'shares') as share
  `.execute(trx);
  await sql`
    insert into outcome_schedule (outcome_id, ordinal, recognised_from, recognised_until, amount, verdict, verified_amount)
    select outcome_id, ordinal, (entry ->> 'from')::date, (entry ->> 'until')::date, (entry ->> 'amount')::numeric,
      coalesce(entry ->> 'verdict', case state when 'verified' then 'verified' else 'open' end),
      case when entry ? 'verdict' then (entry ->> 'verifiedAmount')::numeric
        when state = 'verified' then (entry ->> 'amount')::numeric end
    from ${known} as known, jsonb_array_elements(content -> 'schedule') with ordinality as scheduled (entry, ordinal)
  `.execute(trx);
  await sql`
    insert into outcome_enabler (outcome_id, pod_id)
    select outcome_id, enabler from ${known} as known, jsonb_array_elements_text(content -> 'enabledBy') as enabler
  `.execute(trx);
  await sql`
    insert into outcome (id, version, state, title, outcome_type, unit, quantity, basis, gross_or_margin, amount, amount_low,
      amount_high, currency, delivered_on, recorded_at, owner_email, baseline, evidence_url, claimed_by, verified_by, verified_at,
      workbook, source_row_id, unattributed_basis_points, content_digest, updated_at, effect, baseline_value, baseline_from,
      baseline_until, baseline_source, baseline_method, is_own_bill_baseline, confidence, confidence_reason, pool_id, review_due_on,
      claimed_at, superseded_by, state_reason)
    select own.id, known.version, known.state, content ->> 'title', content ->> 'outcomeType', content ->> 'unit',
      (content ->> 'quantity')::numeric, content ->> 'basis', content ->> 'grossOrMargin', (content ->> 'amount')::numeric,
      (content ->> 'amountLow')::numeric, (content ->> 'amountHigh')::numeric, content ->> 'currency',
      (content ->> 'deliveredOn')::date, own.recorded_at, content ->> 'ownerEmail', content ->> 'baseline',
      content ->> 'evidenceUrl', coalesce(content ->> 'claimedBy', own.claimed_by), content ->> 'verifiedBy',
      case when content ->> 'verifiedBy' is not null then coalesce((content ->> 'verifiedAt')::timestamptz, known.at) end,
      own.workbook, own.source_row_id,
      10000 - coalesce((select sum(basis_points) from outcome_share where outcome_share.outcome_id = own.id), 0), '', known.at,
      coalesce(content ->> 'effect', 'benefit'), (content #>> '{baselineMeasure,value}')::numeric,
      (content #>> '{baselineMeasure,from}')::date, (content #>> '{baselineMeasure,until}')::date,
      content #>> '{baselineMeasure,source}', content #>> '{baselineMeasure,method}', (content ->> 'isOwnBillBaseline')::boolean,
      content #>> '{confidence,grade}', content #>> '{confidence,reason}', content ->> 'poolId', (content ->> 'reviewDueOn')::date,
      case when content ? 'claimedAt' then (content ->> 'claimedAt')::timestamptz
        when known.state <> 'candidate' then own.recorded_at end,
      (content ->> 'supersededBy')::bigint, content ->> 'stateReason'
    from ${known} as known join ${ownTable('outcome')} as own on own.id = known.outcome_id
  `.execute(trx);
}

async function hideEnvelopes(shadow: Shadow, instant: RawBuilder<unknown>): Promise<void> {
  const { trx } = shadow;
  await shadow.copy('envelope', sql`created_at <= ${instant}`);
  await sql`update envelope set withdrawn_at = null where withdrawn_at > ${instant}`.execute(trx);
  await shadow.copy('envelope_version', sql`created_at <= ${instant}`);
  await shadow.hide('envelope_state');
  await sql`
    insert into envelope_state (envelope_id, version, actual, rung, evaluated_at)
    select distinct on (envelope_id) envelope_id, version, actual, rung, evaluated_at from envelope_standing
    where evaluated_at <= ${instant} order by envelope_id, ordinal desc
  `.execute(trx);
}

async function hideUsage(shadow: Shadow, instant: RawBuilder<unknown>): Promise<void> {
  const wasKnown = sql`known_from <= ${instant} and (known_until is null or known_until > ${instant})`;
  await shadow.copy('usage_quantity', sql`${wasKnown} and known_until is null`);
  await sql`
    insert into usage_quantity (metric_id, pod_id, valid_from, valid_until, quantity, known_from, known_until, source_name, recorded_by)
    select metric_id, pod_id, valid_from, valid_until, quantity, known_from, null, source_name, recorded_by
    from ${ownTable('usage_quantity')} as own where ${wasKnown} and known_until is not null
  `.execute(shadow.trx);
}

/** From the newest version of each invoice that was stated by then. */
async function hideInvoices(shadow: Shadow, instant: RawBuilder<unknown>): Promise<void> {
  await shadow.hide('invoice');
  await sql`
    insert into invoice (source_id, invoice_id, version, state, issuer_name, billing_account_id, billing_period_start,
      billing_period_end, currency, total, credits_outside_bill, tax_outside_bill, tolerance, issued_on, content_digest, stated_at, stated_by)
    select distinct on (source_id, invoice_id) source_id, invoice_id, version, content ->> 'state', content ->> 'issuerName',
      content ->> 'billingAccountId', (content ->> 'billingPeriodStart')::date, (content ->> 'billingPeriodEnd')::date,
      content ->> 'currency', (content ->> 'total')::numeric, (content ->> 'creditsOutsideBill')::numeric,
      (content ->> 'taxOutsideBill')::numeric, (content ->> 'tolerance')::numeric, (content ->> 'issuedOn')::date, '', at, principal
    from invoice_version where at <= ${instant} order by source_id, invoice_id, version desc
  `.execute(shadow.trx);
}
