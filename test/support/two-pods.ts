/**
 * Two pods with everything a pod has: cost, a share of split cost, an envelope that spoke with a raise that was refused, an activation, and an outcome; the figures of `search`
 * are recognisable in any text, so that a test can show that they appear nowhere.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { sumMonthsOf } from './cost-fixtures.ts';

/** Marks of the other pod's secrets, as they would stand in an answer. */
export const SECRETS_OF_SEARCH = ['7777', 'C0SEARCH', 'Searched better', 'sam@example.com'];

/** A random id may hold a secret's digits by chance. */
export function withoutRandomIds(text: string): string {
  return text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'id');
}

/** One load of September 2026: checkout 100 direct and 10 shared, search 7777.77 direct and 17777.7 shared, 5 unattributed. */
export async function seedTwoPods(db: Kysely<DB>): Promise<{ loadId: string }> {
  await sql`
    insert into pod (id, name, kind, owner_email, slack_channel) values
      ('checkout', 'Checkout', 'delivery', 'ada@example.com', 'C0CHECKOUT'),
      ('search', 'Search', 'delivery', 'sam@example.com', 'C0SEARCH')
  `.execute(db);
  const { rows } = await sql<{ id: string }>`
    insert into load (source_id, billing_period_start, billing_period_end, state, manifest_digest, delivered_at, row_count,
      charge_count, data_as_of, usage_until, staged_at, published_at)
    values ('files', '2026-09-01', '2026-10-01', 'published', 'digest', '2026-09-14T00:00:00Z', 10, 10,
      '2026-09-13T23:00:00Z', '2026-09-14T00:00:00Z', now(), now())
    returning id::text as id
  `.execute(db);
  const loadId = rows[0]?.id ?? '';
  await sql`insert into load_file (load_id, ordinal, name, sha256, format, archive_path, row_count, staged_at)
    values (${loadId}, 0, 'bill.csv', 'abc', 'csv', '/nonexistent', 10, now())`.execute(db);
  await sql`insert into load_total values (${loadId}, 'USD', 10, 25670.47, 25670.47, 25670.47, 25670.47)`.execute(db);
  await sql`
    insert into pod_cost (load_id, rulebook_id, charge_date, kind, pod_id, rule_id, provider_name, service_name, charge_category,
      billing_currency, billed_cost, effective_cost, list_cost, contracted_cost, line_count)
    select ${loadId}::bigint, 0, '2026-09-05', kind, pod_id, rule_id, 'AWS', service, 'Usage', 'USD', cost, cost, cost, cost, 1
    from (values ('direct', 'checkout', 'tags', 'Compute', 100.0), ('direct', 'search', 'tags', 'Secret 7777', 7777.77),
      ('to_split', null, 'network', 'Network', 17787.7), ('unattributed', null, null, 'Compute', 5)) as seed (kind, pod_id, rule_id, service, cost)
  `.execute(db);
  await sql`insert into load_rollup (load_id, rulebook_id) values (${loadId}, 0)`.execute(db);
  await sql`
    insert into shared_cost (charge_date, load_id, rule_id, owner_pod_id, pod_id, provider_name, service_name, charge_category,
      billing_currency, billed_cost, effective_cost, list_cost, contracted_cost)
    select '2026-09-05', ${loadId}::bigint, 'network', 'search', pod_id, 'AWS', 'Network', 'Usage', 'USD', cost, cost, cost, cost
    from (values ('checkout', 10.0), ('search', 17777.7)) as seed (pod_id, cost)
  `.execute(db);
  await sql`
    insert into pod_day (charge_date, pod_id, kind, billing_currency, billed_cost, effective_cost, list_cost, contracted_cost)
    select '2026-09-05', pod_id, kind, 'USD', cost, cost, cost, cost
    from (values ('checkout', 'direct', 100.0), ('checkout', 'shared', 10), ('search', 'direct', 7777.77),
      ('search', 'shared', 17777.7), ('search', 'owned', 17787.7), (null, 'direct', 5)) as seed (pod_id, kind, cost)
  `.execute(db);
  await sumMonthsOf(db, ['2026-09-05']);
  await seedEnvelope(db, 'checkout', '200', '100');
  await seedEnvelope(db, 'search', '7777.7', '25565.47');
  await seedOutcome(db, 'Paid faster', '300', [{ pod: 'checkout', basisPoints: 10_000 }]);
  await seedOutcome(db, 'Searched better', '7777', [{ pod: 'search', basisPoints: 10_000 }]);
  await seedOutcome(db, 'Found and paid', '1000', [
    { pod: 'checkout', basisPoints: 2_500 },
    { pod: 'search', basisPoints: 5_500 },
  ]);
  await seedEvidenceAndNote(db, 'checkout', 'Paid faster', 'paid.txt');
  await seedEvidenceAndNote(db, 'search', 'Searched better', 'Secret 7777');
  return { loadId };
}

async function seedEvidenceAndNote(db: Kysely<DB>, podId: string, title: string, text: string): Promise<void> {
  await sql`
    with kept as (
      insert into evidence_file (sha256, size_bytes, content, stored_at)
      select encode(sha256(convert_to(${text}, 'UTF8')), 'hex'), octet_length(${text}), convert_to(${text}, 'UTF8'), now() returning sha256, size_bytes
    )
    insert into outcome_evidence (outcome_id, kind, uri, title, sha256, media_type, size_bytes, captured_at, added_by, added_at)
    select id, 'file', '/api/v1/outcomes/' || id || '/evidence/files/' || sha256, ${text}, sha256, 'text/plain', size_bytes, now(), 'op', now()
    from outcome, kept where title = ${title}
  `.execute(db);
  await sql`insert into note (pod_id, text, signed_by, signed_role, signed_at) values (${podId}, ${text}, 'op', 'operator', now())`.execute(
    db,
  );
}

async function seedEnvelope(db: Kysely<DB>, podId: string, limit: string, actual: string): Promise<void> {
  await sql`
    with made as (
      insert into envelope (scope_kind, scope_id, period_id, period_start, period_end, counts, created_at)
      values ('pod', ${podId}, '2026-09', '2026-09-01', '2026-10-01', 'controlled', now()) returning id
    ), version as (
      insert into envelope_version (envelope_id, version, envelope_limit, currency, cost_metric, rungs, approved_on, method, origin,
        applied_by, created_at)
      select id, 1, ${limit}::numeric, 'USD', 'EffectiveCost', '{0.8,1}', '2026-08-20', 'asserted', 'explicit', 'op', now() from made
      returning envelope_id
    ), standing as (
      insert into envelope_state (envelope_id, version, actual, rung, spoken_rung, spoken_watermark, data_as_of, evaluated_at)
      select id, 1, ${actual}::numeric, '1', '1', '2026-09-14T00:00:00Z', '2026-09-13T23:00:00Z', now() from made
    ), told as (
      insert into message (kind, state, scope_kind, scope_id, alert_id, is_urgent, text, blocks, channel, created_at)
      values ('crossing', 'pending', 'pod', ${podId}, gen_random_uuid(), true, ${`${podId} spent ${actual} of ${limit}`}, '[]',
        ${`C0${podId.toUpperCase()}`}, now())
      returning id
    )
    insert into alert (envelope_id, version, episode, rung, reason, episode_state, actual, envelope_limit, currency, message_id, created_at)
    select version.envelope_id, 1, 1, '1', 'spend', 'open', ${actual}::numeric, ${limit}::numeric, 'USD', told.id, now()
    from version, told
  `.execute(db);
  const asker = podId === 'checkout' ? 'ada@example.com' : 'sam@example.com';
  await sql`
    insert into raise_request (envelope_id, asked_version, envelope_limit, currency, reason, requested_by, requested_via, requested_at, state,
      decided_by, decided_via, decided_at)
    select id, 1, ${limit}::numeric * 2, 'USD', 'Load test', ${asker}, 'api', '2026-09-06T08:00:00Z', 'refused', 'grace@example.com', 'api',
      '2026-09-07T08:00:00Z'
    from envelope where scope_id = ${podId}
  `.execute(db);
  await sql`
    with made as (
      insert into pattern (id, name, approved_by) values ('sandbox', 'Sandbox', '{security,grace@example.com}')
      on conflict (id) do update set name = excluded.name returning id
    )
    insert into activation (pod_id, pattern_id, activated_on, method, created_at) select ${podId}, id, '2026-08-20', 'asserted', now() from made
  `.execute(db);
}

async function seedOutcome(
  db: Kysely<DB>,
  title: string,
  amount: string,
  shares: { pod: string; basisPoints: number }[],
): Promise<void> {
  await db.transaction().execute((trx) =>
    createOutcome(trx, {
      input: {
        title,
        amount,
        currency: 'USD',
        basis: 'cost_reduction',
        deliveredOn: '2026-09-05',
        ownerEmail: 'val@example.com',
        shares,
        references: [{ system: 'jira', key: title }],
      },
      principal: localOperator,
      at: new Date('2026-09-06T00:00:00Z'),
    }),
  );
}
