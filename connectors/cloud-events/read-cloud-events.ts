/**
 * CloudEvents 1.0 over HTTP: structured, binary and batched mode. What the specification requires is required: an event without an id would
 * be another event each time it is sent. Of data only what CDEvents defines is read.
 */
import { AppError, type InputFault } from '../../services/kernel/errors.ts';
import {
  cleanText,
  idOf,
  type InboundEvent,
  partOf,
  readInstant,
  scopeOf,
} from '../../services/kernel/inbound-event.ts';
import { readJsonBody, type WebhookRequest } from '../inbound-webhook.ts';
import { readCdEvent } from './cd-event.ts';

/** Of one request. */
export const EVENTS_MAX = 1_000;
const NAME_LENGTH_MAX = 500;
const UNNAMEABLE = /[\p{Cc}\p{Cs}]|^\s*$/u;
/** As an address has none, the first blank of a key ends its source. */
const BLANK = /\s/;
const STRUCTURED = 'application/cloudevents+json';
const BATCHED = 'application/cloudevents-batch+json';

/** The attributes of an event as they came, with its data. */
type Attributes = Readonly<Record<string, unknown>>;

/** Which of the three modes a request has; null for none. A signature covers the body alone, so not the attributes of binary mode. */
export function modeOf(headers: WebhookRequest['headers']): 'structured' | 'batched' | 'binary' | null {
  const mediaType = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (mediaType === BATCHED) return 'batched';
  if (mediaType === STRUCTURED) return 'structured';
  // In a format that is not read: XML, Avro, Protobuf.
  if (mediaType?.startsWith('application/cloudevents') === true) return null;
  return headers['ce-specversion'] === undefined ? null : 'binary';
}

/** The events of a request. @throws AppError invalid_input with every fault, each with its event. */
export function readCloudEvents(request: WebhookRequest): InboundEvent[] {
  const listed = listAttributes(request);
  if (listed.length > EVENTS_MAX) {
    throw new AppError('invalid_input', `A batch has at most ${EVENTS_MAX} events; this one has ${listed.length}.`);
  }
  const faults: InputFault[] = [];
  const events = listed.flatMap((attributes, index) => {
    const found = faultsOf(attributes).map((fault) => ({ ...fault, record: index + 1 }));
    faults.push(...found);
    return found.length > 0 ? [] : [eventOf(attributes)];
  });
  if (faults.length > 0) {
    const [first] = faults;
    const reason = `Event ${first?.record}: ${first?.reason}. ${first?.fix ?? ''}`;
    throw new AppError('invalid_input', reason.trim(), { faults });
  }
  return events;
}

function listAttributes(request: WebhookRequest): Attributes[] {
  switch (modeOf(request.headers)) {
    case 'batched': {
      const listed = readJsonBody(request.body);
      if (!Array.isArray(listed)) throw new AppError('invalid_input', 'A batch is a JSON array of events.');
      return listed.map(partOf);
    }
    case 'structured':
      return [partOf(readJsonBody(request.body))];
    case 'binary':
      return [readBinary(request)];
    case null:
      throw new AppError(
        'invalid_input',
        `This is no CloudEvent. Send it as ${STRUCTURED}, several as ${BATCHED}, or with its attributes in headers: ce-specversion, ce-id, ce-source, ce-type.`,
      );
  }
}

function readBinary({ headers, body }: WebhookRequest): Attributes {
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('ce-') && value !== undefined) attributes[name.slice('ce-'.length)] = decodePercent(value);
  }
  const isJson = /^application\/(?:[\w.-]+\+)?json\b/i.test(headers['content-type'] ?? '');
  return { ...attributes, ...(body.length > 0 && isJson ? { data: readJsonBody(body) } : {}) };
}

/** Headers carry what is not ASCII in percents (section 3.1.3.2 of the HTTP binding). */
function decodePercent(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // A percent of its own: it stands for itself.
    return value;
  }
}

function faultsOf(attributes: Attributes): InputFault[] {
  const faults: InputFault[] = [];
  const { specversion, time } = attributes;
  if (specversion !== '1.0') {
    const reason = `the specversion is ${specversion === undefined ? 'missing' : `"${cleanText(specversion)}"`}`;
    faults.push({ column: 'specversion', reason, fix: 'Only "1.0" is taken.' });
  }
  for (const name of ['id', 'source', 'type']) {
    const value = attributes[name];
    if (name === 'source' && typeof value === 'string' && BLANK.test(value)) {
      faults.push({
        column: name,
        reason: 'the source has blanks in it',
        fix: 'CloudEvents has a URI reference there.',
      });
      continue;
    }
    if (typeof value === 'string' && !UNNAMEABLE.test(value) && value.length <= NAME_LENGTH_MAX) continue;
    const reason =
      value === undefined ? `the ${name} is missing` : `the ${name} is no line of 1 to ${NAME_LENGTH_MAX} characters`;
    faults.push({ column: name, reason, fix: 'CloudEvents requires it; source and id together name the event.' });
  }
  if (time !== undefined && time !== null && readInstant(time) === null) {
    faults.push({ column: 'time', reason: 'the time is no instant', fix: 'Write it as 2026-09-15T12:00:00Z.' });
  }
  return faults;
}

function eventOf(attributes: Attributes): InboundEvent {
  const id = String(attributes['id']);
  const source = String(attributes['source']);
  const type = cleanText(attributes['type']);
  const key = `${source} ${id}`;
  const common = { deliveryId: key, changeKey: key, type, occurredAt: readInstant(attributes['time']) };
  const fromSource = scopeOf('source', source);
  const told = readCdEvent(type, partOf(attributes['data']));
  if (told === null) {
    const subject = cleanText(attributes['subject']);
    return {
      ...common,
      kind: 'other',
      objectId: idOf(attributes['subject']),
      subject,
      status: null,
      scopes: fromSource,
      attributes: { source: cleanText(source) },
    };
  }
  const { scopes, occurredAt, ...rest } = told;
  return {
    ...common,
    ...rest,
    occurredAt: common.occurredAt ?? occurredAt,
    objectId: rest.objectId === null ? null : `${source} ${rest.objectId}`,
    scopes: [...scopes, ...fromSource],
    attributes: { ...rest.attributes, source: cleanText(source) },
  };
}
