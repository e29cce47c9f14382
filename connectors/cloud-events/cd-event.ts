/**
 * CDEvents inside CloudEvents: deployments of services, incidents, tickets and runs. A type is known by its name and major version, so that
 * a newer minor one is read as well.
 */
import {
  cleanAddress,
  cleanText,
  cleanTextOrNull,
  cleanTexts,
  type EventReference,
  type InboundEvent,
  type ObjectStatus,
  type Part,
  partOf,
  readInstant,
  scopeOf,
} from '../../services/kernel/inbound-event.ts';
import { isNotPlanned } from '../inbound-webhook.ts';

type Told = Pick<InboundEvent, 'kind' | 'objectId' | 'subject' | 'status' | 'occurredAt' | 'scopes' | 'attributes'>;

/** dev.cdevents.service.deployed.0.2.0, also with -draft. All majors there are. */
const TYPE = /^dev\.cdevents\.([a-z]+)\.([a-z]+)\.(\d+)\.\d+\.\d+(?:-[\w.]+)?$/;
const MAJOR = '0';

const DEPLOYED = new Map<string, ObjectStatus>([
  ['deployed', 'succeeded'],
  ['upgraded', 'succeeded'],
  ['rolledback', 'rolled_back'],
]);

/** Null for what is no CDEvent, or one that is kept without being understood. */
export function readCdEvent(type: string, data: Part): Told | null {
  const [, noun = '', verb = '', major] = TYPE.exec(type) ?? [];
  if (major !== MAJOR) return null;
  const subject = partOf(data['subject']);
  const content = partOf(subject['content']);
  const id = cleanTextOrNull(subject['id'], 500);
  const basics = {
    objectId: id === null ? null : `${noun}/${id}`,
    occurredAt: readInstant(partOf(data['context'])['timestamp']),
  };
  const environment = cleanTextOrNull(partOf(content['environment'])['id']);
  const named = (url: unknown): EventReference[] => [{ system: 'cdevents', key: id ?? '', url: cleanAddress(url) }];
  switch (noun) {
    case 'service': {
      const artifact = cleanTextOrNull(content['artifactId'], 500);
      return {
        ...basics,
        // What runs in one environment says nothing about another.
        objectId: id === null ? null : `service/${id}${environment === null ? '' : `@${environment}`}`,
        kind: 'deployment',
        subject: cleanText(`${id ?? 'service'} ${verb}${environment === null ? '' : ` in ${environment}`}`),
        status: DEPLOYED.get(verb) ?? null,
        scopes: scopeOf('service', id),
        attributes: {
          // A service is deployed again and again: what names the deployment is its artifact.
          references:
            artifact === null ? [] : [{ system: 'cdevents', key: artifact, url: cleanAddress(content['uri']) }],
          environment,
          artifact,
        },
      };
    }
    case 'incident':
      return {
        ...basics,
        kind: 'incident',
        subject: cleanText(content['description'] ?? id),
        status: verb === 'resolved' ? 'completed' : 'open',
        scopes: scopeOf('service', partOf(content['service'])['id']),
        attributes: {
          references: named(content['ticketURI']),
          environment,
          artifact: cleanTextOrNull(content['artifactId'], 500),
        },
      };
    case 'ticket':
      return {
        ...basics,
        kind: 'ticket',
        subject: cleanText(content['summary'] ?? id),
        status: ticketStatus(verb, content),
        scopes: [],
        attributes: {
          labels: cleanTexts(content['labels']),
          issueType: cleanTextOrNull(content['ticketType']),
          references: named(content['uri']),
          resolution: cleanTextOrNull(content['resolution']),
        },
      };
    case 'pipelinerun':
    case 'taskrun':
      return {
        ...basics,
        kind: 'run',
        subject: cleanText(content['pipelineName'] ?? content['taskName'] ?? id),
        status: verb === 'finished' ? runStatus(content['outcome']) : null,
        scopes: [],
        attributes: { references: named(content['uri']), outcome: cleanTextOrNull(content['outcome']) },
      };
    default:
      return null;
  }
}

/** An update says nothing of how the ticket stands: one of a closed ticket does not open it. */
function ticketStatus(verb: string, content: Part): ObjectStatus | null {
  if (verb !== 'closed') return verb === 'created' ? 'open' : null;
  return isNotPlanned(content['resolution']) ? 'not_planned' : 'completed';
}

function runStatus(outcome: unknown): ObjectStatus | null {
  if (outcome === 'success') return 'succeeded';
  return outcome === 'failure' || outcome === 'error' ? 'failed' : null;
}
