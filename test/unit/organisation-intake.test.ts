/** The intake of the organisation file: what it comes to, and each fault with its line and what to write instead. */
import { expect, test } from 'vitest';
import { sectionsOf } from '../../services/organisation/organisation-sections.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { faultsOf } from '../support/organisation-texts.ts';

const HEAD = 'organisation: Acme\npods: [{ id: checkout }, { id: pay, aliases: [payments] }]\nintake:\n';

test('names each mapping by what it is about and since when; numbers are taken as written', () => {
  const organisation = parseOrganisation(
    `${HEAD}  mappings:
    - { repository: Acme/Shop, pod: checkout }
    - { repository: acme/shop, pod: pay, from: 2026-07-01 }
    - { service: 0012, ignored: not counted }
  candidates: [{ label: outcome }, { project: SHOP, issueType: Benefit }]
  senders: [{ sender: CI, sources: ["https://ci.example.com/*", /ci] }]
  github: { sweep: [acme, acme/shop, "@app"] }
`,
  );
  expect(organisation.intake).toEqual({
    mappings: [
      { scopeKind: 'repository', scopeName: 'Acme/Shop', pod: 'checkout' },
      { scopeKind: 'repository', scopeName: 'acme/shop', pod: 'pay', from: '2026-07-01' },
      { scopeKind: 'service', scopeName: '0012', ignored: 'not counted' },
    ],
    candidates: [{ label: 'outcome' }, { scopeKind: 'project', scopeName: 'SHOP', issueType: 'Benefit' }],
    senders: [{ sender: 'CI', sources: ['https://ci.example.com/*', '/ci'] }],
    sweep: ['acme', 'acme/shop', '@app'],
  });
  expect([...sectionsOf(organisation).mapping.keys()]).toEqual([
    'repository acme/shop',
    'repository acme/shop from 2026-07-01',
    'service 0012',
  ]);
  expect(parseOrganisation('organisation: Acme\n').intake).toBeUndefined();
});

test.each([
  [
    '  mappings: [{ repository: acme/shop, pod: chekout }]\n',
    'outturn.yaml line 4: the mapping of repository "acme/shop" names pod "chekout", which is not defined. Did you mean "checkout"?',
  ],
  [
    '  mappings: [{ repository: acme/shop, pod: payments }]\n',
    'outturn.yaml line 4: the mapping of repository "acme/shop" names pod "payments", which is not defined. It is an alias of pod "pay": write that id.',
  ],
  [
    '  mappings:\n    - { repository: shop, pod: pay }\n',
    'outturn.yaml line 5: the mapping of repository "shop" names "shop", which is no repository. Write it as owner/name, as in its address.',
  ],
  [
    '  mappings: [{ team: ENG, project: SHOP, pod: pay }]\n',
    'outturn.yaml line 4: the mapping of project "SHOP" has project and team. Give exactly one of repository, project, team, service, source.',
  ],
  [
    '  mappings: [{ team: ENG }]\n',
    'outturn.yaml line 4: the mapping of team "ENG" has none of "pod" or "ignored". Give exactly one of pod, ignored.',
  ],
  [
    '  mappings:\n    - { team: ENG, pod: pay }\n    - { team: eng, pod: checkout }\n',
    'outturn.yaml line 6: team "eng" is mapped twice. Give the later one the day from which it holds ("from").',
  ],
  [
    '  mappings:\n    - { team: ENG, pod: pay, until: 2026-08-01 }\n    - { team: ENG, pod: checkout, from: 2026-07-01 }\n',
    'outturn.yaml line 6: team "eng" is mapped from 2026-07-01, before its former mapping ends on 2026-08-01. Leave "until" out: the later one ends the former.',
  ],
  [
    '  candidates: [{ project: SHOP }]\n',
    'outturn.yaml line 4: a candidate has none of "label" or "issueType". Give exactly one of label, issueType.',
  ],
  [
    '  candidates: [{ lable: outcome }]\n',
    'outturn.yaml line 4: unknown key "lable" in the candidate of intake. Did you mean "label"?',
  ],
  [
    '  github: { sweep: [https://github.com/acme] }\n',
    'outturn.yaml line 4: "https://github.com/acme" is no organisation or repository of GitHub. Write it as owner, owner/name, or @app for the hook of the App itself.',
  ],
  [
    '  senders:\n    - { sender: ci, sources: [/ci] }\n    - { sender: CI, sources: [/cd] }\n',
    'outturn.yaml line 6: the sender "CI" stands twice. Give it one list of sources.',
  ],
  [
    '  senders: [{ sender: ci, sources: ["https://*.example.com/"] }]\n',
    'outturn.yaml line 4: "https://*.example.com/" is no source of events. Write the source as its events have it, with * at its end for all that begin so.',
  ],
])('%s', (text, message) => {
  expect(faultsOf(`${HEAD}${text}`)).toContain(message);
});
