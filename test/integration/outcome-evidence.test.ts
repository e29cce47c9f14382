/**
 * Evidence over HTTP: links and files, each kept once, given back as a download that nothing opens; broken and mended, with who said so;
 * and a pod sees and touches that of its own outcomes only.
 */
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { readAs } from '../../services/access/read-as.ts';
import { breakEvidence, mendEvidence } from '../../services/evidence/break-evidence.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { test as base } from '../support/database.ts';
import { seedTwoPods } from '../support/two-pods.ts';

const test = base.extend('api', { scope: 'file' }, async ({ database }, { onCleanup }): Promise<TestApi> => {
  await seedTwoPods(database.db);
  const api = await startTestApi(database);
  onCleanup(() => api.close());
  return api;
});

const PDF = Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.from([0, 1, 254, 255])]);
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

type Headers = Record<string, string>;

async function outcomeOf(api: TestApi, title: string): Promise<string> {
  const headers = await api.authorise('reader');
  const all = (await api.app.inject({ url: '/api/v1/outcomes?limit=1000', headers })).json<
    { outcomeId: string; title: string }[]
  >();
  return all.find((one) => one.title === title)?.outcomeId ?? '';
}

async function upload(api: TestApi, headers: Headers, outcomeId: string, fileName: string, payload: Buffer) {
  return api.app.inject({
    method: 'POST',
    url: `/api/v1/outcomes/${outcomeId}/evidence?fileName=${encodeURIComponent(fileName)}`,
    headers: { ...headers, 'content-type': 'application/octet-stream' },
    payload,
  });
}

async function post(api: TestApi, headers: Headers, path: string, payload: object) {
  return api.app.inject({ method: 'POST', url: `/api/v1/outcomes/${path}`, headers, payload });
}

async function list(api: TestApi, headers: Headers, outcomeId: string) {
  const { evidence } = (await api.app.inject({ url: `/api/v1/outcomes/${outcomeId}/evidence`, headers })).json<{
    evidence: { evidenceId: string; uri: string; isBroken: boolean; title: string; addedBy: string }[];
  }>();
  return evidence;
}

describe('an uploaded file', () => {
  test('comes back byte for byte, as a download in a sandbox, under its own name', async ({ api }) => {
    const headers = await api.authorise('pod', { pods: ['checkout'], principal: 'ada@example.com' });
    const outcomeId = await outcomeOf(api, 'Paid faster');
    const sent = await upload(api, headers, outcomeId, 'Prüfung (Q3).pdf', PDF);
    expect(sent.statusCode).toBe(201);
    const kept = (await list(api, headers, outcomeId)).at(-1);
    expect(kept).toMatchObject({
      kind: 'file',
      title: 'Prüfung (Q3).pdf',
      sha256: hashOf(PDF),
      mediaType: 'application/pdf',
      sizeBytes: PDF.length,
      addedBy: 'ada@example.com',
      isBroken: false,
    });
    const back = await api.app.inject({ url: kept?.uri ?? '', headers });
    expect(back.rawPayload.equals(PDF)).toBe(true);
    expect(back.headers).toMatchObject({
      'content-type': 'application/pdf',
      'content-disposition': "attachment; filename*=UTF-8''Pr%C3%BCfung%20%28Q3%29.pdf",
      'x-content-type-options': 'nosniff',
    });
    expect(back.headers['content-security-policy']).toMatch(/default-src 'none'.*sandbox/);
  });

  test('is kept once, whatever outcomes it stands behind, and the same again changes nothing', async ({
    api,
    database,
  }) => {
    const headers = await api.authorise('finance');
    const [one, two] = [await outcomeOf(api, 'Paid faster'), await outcomeOf(api, 'Searched better')];
    const bytes = Buffer.from('pod,orders\ncheckout,1\n');
    expect((await upload(api, headers, one, 'orders.csv', bytes)).statusCode).toBe(201);
    expect((await upload(api, headers, one, 'orders-again.csv', bytes)).json()).toMatchObject({ change: 'unchanged' });
    expect((await upload(api, headers, two, 'orders.txt', bytes)).statusCode).toBe(201);
    const { rows } = await sql`select from evidence_file where sha256 = ${hashOf(bytes)}`.execute(database.db);
    expect(rows).toHaveLength(1);
  });

  test('that is not what its name says, has no name, or is JSON without an address, is refused and leaves nothing', async ({
    api,
    database,
  }) => {
    const headers = await api.authorise('finance');
    const outcomeId = await outcomeOf(api, 'Paid faster');
    const count = async () =>
      (await sql<{ n: number }>`select count(*)::int as n from evidence_file`.execute(database.db)).rows[0]?.n;
    const before = await count();
    const page = Buffer.from('<html><script>alert(1)</script>');
    expect((await upload(api, headers, outcomeId, 'page.pdf', page)).statusCode).toBe(400);
    expect((await upload(api, headers, outcomeId, 'page.html', page)).statusCode).toBe(400);
    expect((await upload(api, headers, outcomeId, '', PDF)).statusCode).toBe(400);
    expect((await post(api, headers, `${outcomeId}/evidence`, {})).statusCode).toBe(400);
    const untyped = await api.app.inject({ method: 'POST', url: `/api/v1/outcomes/${outcomeId}/evidence`, headers });
    expect(untyped.statusCode).toBe(400);
    expect(await count()).toBe(before);
  });

  test('cannot be changed or taken away, and its hash is that of its bytes', async ({ database }) => {
    for (const statement of ['update evidence_file set stored_at = now()', 'delete from evidence_file']) {
      await expect(sql.raw(statement).execute(database.db)).rejects.toThrow(/append-only/);
    }
    const other = sql`insert into evidence_file values (${hashOf(PDF).replace(/^./, 'f')}, 3, 'abc', now())`;
    await expect(other.execute(database.db)).rejects.toMatchObject({ code: '23514' });
  });
});

describe('a link', () => {
  test('is kept as it stands and once', async ({ api }) => {
    const headers = { ...(await api.authorise('finance')), 'idempotency-key': 'link-1' };
    const outcomeId = await outcomeOf(api, 'Searched better');
    const link = { url: 'https://wiki.example.com/a?b=1#c', title: 'A/B test', capturedAt: '2026-09-14T08:00:00Z' };
    const first = await post(api, headers, `${outcomeId}/evidence`, link);
    expect(first.statusCode).toBe(201);
    expect((await post(api, headers, `${outcomeId}/evidence`, link)).body).toBe(first.body);
    const kept = (await list(api, headers, outcomeId)).find((one) => one.uri === link.url);
    expect(kept).toMatchObject({ kind: 'link', title: 'A/B test', capturedAt: '2026-09-14T08:00:00.000Z' });
  });

  test('that stands behind another outcome too makes the two possible duplicates', async ({ api, database }) => {
    const headers = await api.authorise('finance');
    const [one, two] = [await outcomeOf(api, 'Paid faster'), await outcomeOf(api, 'Searched better')];
    for (const outcomeId of [one, two]) {
      await post(api, headers, `${outcomeId}/evidence`, { url: 'https://wiki.example.com/same' });
    }
    const { rows } = await sql`
      select from outcome_duplicate where other_id = ${one}::bigint and outcome_id = ${two}::bigint and answer is null
    `.execute(database.db);
    expect(rows).toHaveLength(1);
  });

  test('that runs something, carries a password or is no address is refused', async ({ api }) => {
    const headers = await api.authorise('finance');
    const outcomeId = await outcomeOf(api, 'Paid faster');
    for (const url of [
      'javascript:alert(1)',
      'data:text/html,x',
      'https://me:secret@example.com',
      'wiki',
      'file:///etc',
    ]) {
      expect((await post(api, headers, `${outcomeId}/evidence`, { url })).statusCode, url).toBe(400);
    }
    const unkept = await post(api, headers, `${outcomeId}/evidence`, { url: 'https://example.com', title: 'a\0b' });
    expect(unkept.json(), 'what the database has no place for').toMatchObject({ status: 400, code: 'invalid_input' });
  });
});

describe('broken evidence', () => {
  test('says since when and why, is mended by finance only, and every act is in the audit trail', async ({ api }) => {
    const finance = await api.authorise('finance', { principal: 'grace@example.com' });
    const pod = await api.authorise('pod', { pods: ['checkout'] });
    const outcomeId = await outcomeOf(api, 'Found and paid');
    const added = await post(api, pod, `${outcomeId}/evidence`, { url: 'https://ci.example.com/run/7' });
    const { evidenceId } = added.json<{ evidenceId: string }>();
    const path = `${outcomeId}/evidence/${evidenceId}`;
    const broken = await post(api, pod, `${path}/break`, { reason: 'the run was rolled back' });
    expect(broken.json()).toMatchObject({ evidence: [{ evidenceId, outcomeId, ownerEmail: 'val@example.com' }] });
    expect((await post(api, pod, `${path}/break`, { reason: 'again' })).json()).toEqual({ evidence: [] });
    expect(await list(api, pod, outcomeId)).toMatchObject([
      { isBroken: true, brokenReason: 'the run was rolled back' },
    ]);
    expect((await post(api, pod, `${path}/mend`, { reason: 'it was put back' })).statusCode).toBe(403);
    expect((await post(api, finance, `${path}/mend`, { reason: 'seen in production' })).statusCode).toBe(200);
    expect(await list(api, pod, outcomeId)).toMatchObject([{ isBroken: false, mendedBy: 'grace@example.com' }]);
    const audit = await api.app.inject({
      url: `/api/v1/audit?subjectKind=outcome&subjectId=${outcomeId}`,
      headers: finance,
    });
    const actions = audit.json<{ action: string; details: { reason?: string } }[]>();
    expect(
      actions
        .map((one) => one.action)
        .filter((action) => action.includes('evidence'))
        .toSorted(),
    ).toEqual(['add-evidence', 'break-evidence', 'mend-evidence']);
  });

  test('is found by its address or by the reference whose address it is, and no money moves', async ({ database }) => {
    const at = new Date('2026-09-15T12:00:00Z');
    await database.db.transaction().execute(async (trx) => {
      const version = sql<{ figures_version: string }>`select figures_version from organisation`;
      const before = (await version.execute(trx)).rows;
      const url = 'https://jira.example.com/PAY-1';
      await sql`update outcome_reference set url = ${url} where key = 'Paid faster'`.execute(trx);
      await sql`
        insert into outcome_evidence (outcome_id, kind, uri, captured_at, added_by, added_at)
        select outcome_id, 'link', ${url}, ${at}, 'val@example.com', ${at} from outcome_reference where key = 'Paid faster'
      `.execute(trx);
      const reference = { system: 'jira', key: 'Paid faster' };
      expect(await breakEvidence(trx, { reference, reason: 'reopened', at })).toHaveLength(1);
      expect(await breakEvidence(trx, { uri: url, reason: 'reopened', at })).toEqual([]);
      expect(await mendEvidence(trx, { uri: url, reason: 'closed again', at })).toHaveLength(1);
      expect(await breakEvidence(trx, { uri: url, reason: 'reopened again', at })).toHaveLength(1);
      expect((await version.execute(trx)).rows).toEqual(before);
    });
  });
});

describe('a pod', () => {
  test('neither sees nor touches the evidence of another pod’s outcome, not even by stating its hash', async ({
    api,
    database,
  }) => {
    const pod = await api.authorise('pod', { pods: ['checkout'] });
    const [own, other] = [await outcomeOf(api, 'Paid faster'), await outcomeOf(api, 'Searched better')];
    const bytes = Buffer.from('only search sees it 7777');
    await upload(api, await api.authorise('finance'), other, 'secret.txt', bytes);
    const path = `/api/v1/outcomes/${other}/evidence`;
    expect((await api.app.inject({ url: path, headers: pod })).statusCode).toBe(404);
    expect((await api.app.inject({ url: `${path}/files/${hashOf(bytes)}`, headers: pod })).statusCode).toBe(404);
    expect((await post(api, pod, `${other}/evidence`, { url: 'https://example.com' })).statusCode).toBe(404);
    expect((await post(api, pod, `${other}/evidence/1/break`, { reason: 'x' })).statusCode).toBe(404);
    const link = { url: `https://example.com/${hashOf(bytes)}`, sha256: hashOf(bytes) };
    expect((await post(api, pod, `${own}/evidence`, link)).statusCode).toBe(201);
    const ada = { id: 'ada@example.com', role: 'pod', pods: ['checkout'] } as const;
    const seen = await readAs(database.db, ada, (trx) =>
      sql<{ content: Buffer }>`select content from evidence_file`.execute(trx),
    );
    expect(seen.rows.length).toBeGreaterThan(0);
    expect(seen.rows.some((row) => row.content.equals(bytes))).toBe(false);
  });
});
