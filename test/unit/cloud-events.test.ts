/** CloudEvents as the official SDK sends them, in all three modes, and CDEvents inside them. */
import { CloudEvent, HTTP } from 'cloudevents';
import { describe, expect, test } from 'vitest';
import { readCloudEvents } from '../../connectors/cloud-events/read-cloud-events.ts';
import { isSignedBySender } from '../../connectors/cloud-events/sender-signature.ts';
import { signedHeaders } from '../../connectors/webhook/sign-webhook.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const FORMER = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
const NOW = new Date('2026-09-15T12:00:00Z');

const event = new CloudEvent({
  id: 'e-1',
  source: 'https://ci.example.com/shop',
  type: 'com.example.thing.happened',
  time: '2026-09-15T11:00:00Z',
  subject: 'thing/1',
  data: { hello: 'wörld' },
});

/** A message of the SDK as it goes over HTTP. */
function requestOf(message: { headers: object; body?: unknown }): { headers: Record<string, string>; body: Buffer } {
  const headers = Object.entries(message.headers).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  return {
    headers: Object.fromEntries(headers),
    body: Buffer.from(typeof message.body === 'string' ? message.body : ''),
  };
}

const cdEvent = (type: string, subject: object) => ({
  specversion: '1.0',
  id: 'c-1',
  source: '/argo',
  type: `dev.cdevents.${type}`,
  time: '2026-09-15T11:00:00Z',
  data: { context: { version: '0.4.1', type: `dev.cdevents.${type}` }, subject },
});

function readOne(body: object) {
  const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
  const [read] = readCloudEvents({ headers, body: Buffer.from(JSON.stringify(body)) });
  if (read === undefined) throw new Error('one event is read');
  return read;
}

describe('CloudEvents', () => {
  const read = {
    deliveryId: 'https://ci.example.com/shop e-1',
    type: 'com.example.thing.happened',
    occurredAt: new Date('2026-09-15T11:00:00Z'),
    scopes: [{ kind: 'source', name: 'https://ci.example.com/shop' }],
  };

  test('are read in structured and in binary mode as the SDK writes them', () => {
    expect(readCloudEvents(requestOf(HTTP.structured(event)))).toMatchObject([read]);
    expect(readCloudEvents(requestOf(HTTP.binary(event)))).toMatchObject([read]);
  });

  test('are read in batches', () => {
    const body = Buffer.from(JSON.stringify([event, event.cloneWith({ id: 'e-2' })]));
    const batch = { headers: { 'content-type': 'application/cloudevents-batch+json' }, body };
    expect(readCloudEvents(batch).map(({ deliveryId }) => deliveryId)).toEqual([
      'https://ci.example.com/shop e-1',
      'https://ci.example.com/shop e-2',
    ]);
  });

  test.each([
    ['without an id', { specversion: '1.0', source: '/a', type: 'b' }, /Event 1: the id is missing/],
    ['of another version', { specversion: '0.3', id: '1', source: '/a', type: 'b' }, /the specversion is "0.3"/],
    [
      'with an id that is no line',
      { specversion: '1.0', id: 'a\u0000b', source: '/a', type: 'b' },
      /the id is no line/,
    ],
    [
      'with a source that has blanks',
      { specversion: '1.0', id: '1', source: '/a b', type: 'b' },
      /the source has blanks/,
    ],
    [
      'with a time that is none',
      { specversion: '1.0', id: '1', source: '/a', type: 'b', time: 'soon' },
      /the time is no instant/,
    ],
  ])('%s are refused: they would be another event each time', (_what, body, message) => {
    expect(() => readOne(body)).toThrow(message);
  });

  test('that are none, or too many, are refused', () => {
    expect(() => readCloudEvents({ headers: { 'content-type': 'application/json' }, body: Buffer.from('{}') })).toThrow(
      /This is no CloudEvent/,
    );
    const xml = {
      'content-type': 'application/cloudevents+xml',
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-source': '/a',
      'ce-type': 'b',
    };
    expect(() => readCloudEvents({ headers: xml, body: Buffer.from('<event/>') })).toThrow(/This is no CloudEvent/);
    const body = Buffer.from(JSON.stringify(Array.from({ length: 1_001 }, () => ({}))));
    expect(() => readCloudEvents({ headers: { 'content-type': 'application/cloudevents-batch+json' }, body })).toThrow(
      /at most 1000/,
    );
  });
});

describe('CDEvents', () => {
  test('of services are deployments, known by service and source', () => {
    const content = { environment: { id: 'production' }, artifactId: 'pkg:oci/shop@sha256:abc' };
    expect(readOne(cdEvent('service.deployed.0.2.0', { id: 'shop', content }))).toMatchObject({
      kind: 'deployment',
      status: 'succeeded',
      objectId: '/argo service/shop@production',
      scopes: [
        { kind: 'service', name: 'shop' },
        { kind: 'source', name: '/argo' },
      ],
      attributes: {
        environment: 'production',
        artifact: 'pkg:oci/shop@sha256:abc',
        references: [{ system: 'cdevents', key: 'pkg:oci/shop@sha256:abc', url: null }],
      },
    });
    expect(readOne(cdEvent('service.rolledback.0.1.1', { id: 'shop', content })).status).toBe('rolled_back');
    // It says where a service is found, and of no artifact: nothing that a rollback could take back.
    expect(readOne(cdEvent('service.published.0.3.0', { id: 'shop', content })).status).toBeNull();
  });

  test('of tickets stand as their resolution says; a type is known by name and major version', () => {
    const ticket = (type: string, content: object) => readOne(cdEvent(type, { id: 'T-1', content }));
    expect(ticket('ticket.closed.0.1.0', { resolution: 'completed', labels: ['outcome'] })).toMatchObject({
      kind: 'ticket',
      status: 'completed',
      attributes: { labels: ['outcome'] },
    });
    expect(ticket('ticket.closed.0.9.7-draft', { resolution: 'wontfix' }).status).toBe('not_planned');
    expect(ticket('ticket.closed.0.2.0', { resolution: 'withdrawn' }).status).toBe('not_planned');
    expect(ticket('ticket.created.0.2.0', {}).status).toBe('open');
    expect(ticket('ticket.updated.0.2.0', { labels: ['outcome'] }).status).toBeNull();
    expect(ticket('ticket.closed.7.0.0', {})).toMatchObject({ kind: 'other', status: null });
    expect(readOne(cdEvent('incident.resolved.0.2.0', { id: 'I-1', content: {} })).status).toBe('completed');
  });
});

describe('senders that sign', () => {
  const body = '{"specversion":"1.0"}';
  const signed = (secrets: readonly string[], sentAt = NOW) => ({
    headers: signedHeaders({ id: 'm-1', sentAt, body }, secrets),
    body: Buffer.from(body),
  });

  test('are known by either secret, over these bytes and id, within five minutes', () => {
    expect(isSignedBySender(signed([SECRET]), [FORMER, SECRET], NOW)).toBe(true);
    expect(isSignedBySender(signed([FORMER, SECRET]), [SECRET], NOW)).toBe(true);
    expect(isSignedBySender(signed([FORMER]), [SECRET], NOW)).toBe(false);
    const { headers } = signed([SECRET]);
    expect(isSignedBySender({ headers, body: Buffer.from(`${body} `) }, [SECRET], NOW)).toBe(false);
    expect(
      isSignedBySender({ headers: { ...headers, 'webhook-id': 'm-2' }, body: Buffer.from(body) }, [SECRET], NOW),
    ).toBe(false);
    expect(isSignedBySender(signed([SECRET], new Date('2026-09-15T11:54:59Z')), [SECRET], NOW)).toBe(false);
    expect(isSignedBySender(signed([SECRET], new Date('2026-09-15T12:05:01Z')), [SECRET], NOW)).toBe(false);
    expect(isSignedBySender({ headers: {}, body: Buffer.from(body) }, [SECRET], NOW)).toBe(false);
  });
});
