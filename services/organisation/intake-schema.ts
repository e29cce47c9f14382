/** The part of the organisation file's schema that says whose events are whose, and which tickets are candidates for outcomes. */
import { type Static, Type } from 'typebox';
import { SCOPE_KINDS } from '../kernel/inbound-event.ts';
import { formatted, object, plainText, section } from './schema-leaves.ts';

const exactlyOne = (keys: readonly string[]) => ({ oneOf: keys.map((key) => ({ required: [key] })) });
const atMostOne = (keys: readonly string[]) => ({
  oneOf: [...keys.map((key) => ({ required: [key] })), { not: { anyOf: keys.map((key) => ({ required: [key] })) } }],
});

const repository = Type.Optional(plainText('A repository of GitHub: owner/name.'));
const project = Type.Optional(plainText('The key of a project of Jira.'));
const team = Type.Optional(plainText('The key of a team of Linear.'));

const mapping = object(
  'mapping',
  {
    repository,
    project,
    team,
    service: Type.Optional(plainText('A service of PagerDuty, by id or name, or of CDEvents, by id.')),
    source: Type.Optional(plainText('The source of CloudEvents.')),
    pod: Type.Optional(plainText('The pod id whose events these are.')),
    ignored: Type.Optional(plainText('Why nobody counts them, instead of a pod.')),
    from: Type.Optional(
      formatted('plain-date', 'The first day of events it holds on; it ends an earlier one of the same name.'),
    ),
    until: Type.Optional(formatted('plain-date', 'The first day it no longer holds on.')),
  },
  { allOf: [exactlyOne(SCOPE_KINDS), exactlyOne(['pod', 'ignored'])] },
);

const candidate = object(
  'candidate',
  {
    repository,
    project,
    team,
    label: Type.Optional(plainText('Finished tickets with this label.')),
    issueType: Type.Optional(plainText('Finished tickets of this type.')),
  },
  { allOf: [atMostOne(['repository', 'project', 'team']), exactlyOne(['label', 'issueType'])] },
);

const sender = object('sender', {
  sender: plainText('The principal of a token of role ingest, or the NAME of OUTTURN_EVENTS_<NAME>_SECRETS.'),
  sources: Type.Array(plainText('The source of CloudEvents; ending with * for all that begin so.'), {
    minItems: 1,
    maxItems: 100,
  }),
});

export const intakeSchema = object('intake', {
  mappings: section(
    mapping,
    'Which pod the events of a repository, project, team, service or source belong to, by date.',
  ),
  candidates: section(candidate, 'Which finished tickets are candidates for outcomes. None without.'),
  senders: section(sender, 'Of which sources a sender of events may speak. One that is not listed, of any.'),
  github: Type.Optional(
    object('github', {
      sweep: Type.Optional(
        Type.Array(plainText('owner, owner/name, or "@app" for the hook of the GitHub App.'), {
          maxItems: 500,
          description: 'Organisations and repositories of GitHub whose failed deliveries are looked for every night.',
        }),
      ),
    }),
  ),
});

export type IntakeSection = Static<typeof intakeSchema>;
export type MappingSection = Static<typeof mapping>;
export type SenderSection = Static<typeof sender>;
export type CandidateSection = Static<typeof candidate>;
