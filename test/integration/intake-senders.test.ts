/** CloudEvents of senders with a token or a signature: each once and under its own name, and of the sources alone that it is bound to. */
import { sql } from 'kysely';
import { describe, expect } from 'vitest';
import { checkIntake } from '../../cli/intake-checks.ts';
import { renderEvents } from '../../cli/render/events.ts';
import { signedHeaders } from '../../connectors/webhook/sign-webhook.ts';
import { listEvents } from '../../services/intake/list-events.ts';
import { SENDER_SECRET } from '../support/intake.ts';
import { events, MAPPED, test, tokenOf } from '../support/intake-facts.ts';

describe('CloudEvents', () => {
  const made = (id: string, more: object = {}) => ({
    specversion: '1.0',
    id,
    source: 'https://ci.example.com/shop',
    type: 'com.example.built',
    time: '2026-09-15T11:00:00Z',
    ...more,
  });
  test('with a token are taken one by one and in batches, each once; what is wrong is named', async ({
    fresh,
    database,
  }) => {
    const authorization = await tokenOf(fresh, 'ingest');
    const post = async (contentType: string, body: unknown, headers: Record<string, string> = {}) => {
      const sent = { authorization, 'content-type': contentType, ...headers };
      const answer = await fresh.app.inject({
        method: 'POST',
        url: '/api/v1/events',
        headers: sent,
        payload: JSON.stringify(body),
      });
      return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
    };
    const one = 'application/cloudevents+json';
    expect(await post(one, made('1'))).toEqual({ status: 202, body: { received: 1, new: 1 } });
    const batch = [made('1'), made('2'), made('2'), made('3')];
    expect(await post('application/cloudevents-batch+json', batch)).toEqual({
      status: 202,
      body: { received: 4, new: 2 },
    });
    const binary = { 'ce-specversion': '1.0', 'ce-id': '4', 'ce-source': '/ci', 'ce-type': 'com.example.built' };
    expect(await post('application/json', { any: 'thing' }, binary)).toEqual({
      status: 202,
      body: { received: 1, new: 1 },
    });
    expect(
      await post('application/cloudevents-batch+json', [made('5'), { ...made('6'), id: undefined }]),
    ).toMatchObject({
      status: 400,
      body: { code: 'invalid_input', faults: [{ record: 2, column: 'id' }] },
    });
    expect(await events(database)).toHaveLength(4);
    const refused = { authorization: await tokenOf(fresh, 'reader'), 'content-type': one };
    const unasked = await fresh.app.inject({
      method: 'POST',
      url: '/api/v1/events',
      headers: refused,
      payload: JSON.stringify(made('7')),
    });
    expect(unasked.statusCode).toBe(403);
  });

  test('signed by a known sender need no token, but stand in the body', async ({ fresh, database }) => {
    const send = (body: string, secret: string, more: Record<string, string> = {}) => {
      const signed = signedHeaders({ id: 'm-1', sentAt: fresh.clock.now(), body }, [secret]);
      const headers = { 'content-type': 'application/cloudevents+json', ...signed, ...more };
      return fresh.send({ url: '/api/v1/events', headers, body });
    };
    const body = JSON.stringify(made('1'));
    expect(await send(body, 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD')).toBe(401);
    expect(await send(body, SENDER_SECRET)).toBe(202);
    const binary = {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': '2',
      'ce-source': '/ci',
      'ce-type': 'a',
    };
    expect(await send('{}', SENDER_SECRET, binary)).toBe(400);
    const { rows } = await sql`select source from inbound_event`.execute(database.db);
    expect(rows).toEqual([{ source: 'events/ci' }]);
  });

  test('of two senders are two, though they name the same source and id', async ({ fresh, database }) => {
    const body = JSON.stringify(made('1'));
    const sent = { 'content-type': 'application/cloudevents+json' };
    for (const principal of ['ci@example.com', 'Ci@example.com', 'other@example.com']) {
      const headers = { ...sent, authorization: await tokenOf(fresh, 'ingest', principal) };
      expect(await fresh.send({ url: '/api/v1/events', headers, body })).toBe(202);
    }
    const { rows } = await sql`select source from inbound_event order by id`.execute(database.db);
    expect(rows).toEqual([{ source: 'events/ci@example.com' }, { source: 'events/other@example.com' }]);
  });

  test('of a sender that is bound count for its sources alone; what it says of others waits, and breaks nothing', async ({
    fresh,
    database,
  }) => {
    const bound = (sources: string) => `${MAPPED}  senders: [{ sender: ci@example.com, sources: [${sources}] }]\n`;
    await fresh.apply(bound('"https://ci.example.com/*"'));
    const headers = {
      'content-type': 'application/cloudevents-batch+json',
      authorization: await tokenOf(fresh, 'ingest', 'ci@example.com'),
    };
    const reopened = made('2', {
      source: '/cd',
      type: 'dev.cdevents.ticket.closed.0.1.0',
      data: { subject: { id: 'T-1', content: { resolution: 'wontfix' } } },
    });
    const body = JSON.stringify([made('1'), reopened]);
    expect(await fresh.send({ url: '/api/v1/events', headers, body })).toBe(202);
    await fresh.work();
    const refused = 'ci@example.com may not speak of /cd: intake.senders names its sources';
    expect(await events(database)).toMatchObject([
      { state: 'unmapped', reason: null },
      { state: 'failed', reason: refused },
    ]);
    expect(renderEvents(await listEvents(database.db, { state: 'failed', limit: 1 }))).toContain(refused);
    const doctor = () => checkIntake({ db: database.db, settings: fresh.context.settings });
    expect(await doctor()).toContainEqual(
      expect.objectContaining({ subject: 'events/ci@example.com', state: 'wrong' }),
    );
    await fresh.apply(bound('"https://ci.example.com/*", /CD'));
    await fresh.work();
    expect(await events(database)).toMatchObject([{ state: 'unmapped' }, { state: 'unmapped', reason: null }]);
    const { rows } = await sql`select judged_at is not null as is_judged from inbound_event`.execute(database.db);
    expect(rows).toEqual([{ is_judged: true }, { is_judged: true }]);
    await fresh.apply(MAPPED);
    const unbound = expect.stringMatching(/may speak of any source: name those it has in intake.senders/) as string;
    expect(await doctor()).toContainEqual({ subject: 'events/ci@example.com', state: 'note', message: unbound });
  });
});
