/**
 * The rule language, test by test, as PostgreSQL evaluates it: each case is one `when`, one origin and whether they match.
 */
import { describe, expect } from 'vitest';
import { attributeAllOrigins } from '../../services/attribution/attribute-origins.ts';
import type { RulebookContent, RuleWhen } from '../../services/attribution/rulebook.ts';
import { insertOrigin, type OriginGiven, pod, readAttribution, rulebook, store } from '../support/billed-charges.ts';
import { test } from '../support/database.ts';

type Case = readonly [
  fact: string,
  when: RuleWhen,
  origin: OriginGiven,
  matches: boolean,
  tags?: RulebookContent['tags'],
];

const AZURE_ID = '/subscriptions/A1/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/Vm';
const EXACT = { fold: false, keys: {} };
const SPELLINGS = { fold: true, keys: { application: ['app', 'app-name'] } };

const CASES: readonly Case[] = [
  // Values.
  ['a value equals', { serviceName: 'Amazon S3' }, { service_name: 'Amazon S3' }, true],
  ['case matters', { serviceName: 'amazon s3' }, { service_name: 'Amazon S3' }, false],
  ['case does not matter in provider', { provider: 'aws' }, { provider_name: 'AWS' }, true],
  ['the provider is trimmed', { provider: 'AWS ' }, { provider_name: ' aws' }, true],
  ['a missing attribute equals nothing', { regionId: 'eu-west-1' }, {}, false],
  ['a quote is an ordinary character', { resourceName: "o'clock" }, { resource_name: "o'clock" }, true],
  ['a backslash is an ordinary character', { resourceName: 'a\\b' }, { resource_name: 'a\\b' }, true],
  ['SQL in a value is text', { resourceName: "'); drop table origin; --" }, { resource_name: 'x' }, false],
  // Every dimension reaches its own column.
  ['publisher', { publisher: 'P' }, { publisher_name: 'P' }, true],
  ['invoiceIssuer', { invoiceIssuer: 'I' }, { invoice_issuer_name: 'I' }, true],
  ['billingAccountId', { billingAccountId: '1' }, { billing_account_id: '1' }, true],
  ['subAccountId', { subAccountId: '1' }, { sub_account_id: '1' }, true],
  ['subAccountName', { subAccountName: 'N' }, { sub_account_name: 'N' }, true],
  ['serviceCategory', { serviceCategory: 'Compute' }, { service_category: 'Compute' }, true],
  ['regionId', { regionId: 'r' }, { region_id: 'r' }, true],
  ['resourceId', { resourceId: 'r' }, { resource_id: 'r' }, true],
  ['resourceType', { resourceType: 't' }, { resource_type: 't' }, true],
  ['chargeCategory', { chargeCategory: 'Tax' }, { charge_category: 'Tax' }, true],
  ['chargeClass', { chargeClass: 'Correction' }, { charge_class: 'Correction' }, true],
  ['commitmentDiscountId', { commitmentDiscountId: 'c' }, { commitment_discount_id: 'c' }, true],
  ['commitmentDiscountStatus', { commitmentDiscountStatus: 'Unused' }, { commitment_discount_status: 'Unused' }, true],
  // Lists.
  ['a list is any of', { regionId: ['a', 'b'] }, { region_id: 'b' }, true],
  ['none of a list', { regionId: ['a', 'b'] }, { region_id: 'c' }, false],
  ['an empty list matches nothing', { regionId: [] }, { region_id: 'c' }, false],
  ['a list of providers folds', { provider: ['gcp', 'AWS'] }, { provider_name: 'aws' }, true],
  // Ids of Azure are the same in any case; those of others are not.
  ['an id of Azure folds', { resourceId: AZURE_ID }, { resource_id: AZURE_ID.toLowerCase() }, true],
  [
    'an id of Azure in a bill folds',
    { subAccountId: '/subscriptions/a' },
    { sub_account_id: '/Subscriptions/A' },
    true,
  ],
  ['another id of Azure', { resourceId: AZURE_ID }, { resource_id: `${AZURE_ID}2` }, false],
  [
    'a glob of Azure ids folds',
    { resourceId: { glob: `${AZURE_ID}*` } },
    { resource_id: `${AZURE_ID}/x`.toUpperCase() },
    true,
  ],
  [
    'a prefix of Azure ids folds',
    { resourceId: { prefix: '/SUBSCRIPTIONS/A' } },
    { resource_id: '/subscriptions/a/b' },
    true,
  ],
  ['not an id of Azure', { resourceId: { not: AZURE_ID } }, { resource_id: AZURE_ID.toUpperCase() }, false],
  [
    'a list of Azure ids folds',
    { resourceId: ['/providers/x', AZURE_ID] },
    { resource_id: AZURE_ID.toUpperCase() },
    true,
  ],
  [
    'a list of two clouds folds Azure’s',
    { resourceId: ['arn:A', AZURE_ID] },
    { resource_id: AZURE_ID.toUpperCase() },
    true,
  ],
  ['a list of two clouds leaves the other’s', { resourceId: ['arn:A', AZURE_ID] }, { resource_id: 'arn:a' }, false],
  ['none of a list of two clouds', { resourceId: { not: ['arn:A', AZURE_ID] } }, { resource_id: 'arn:A' }, false],
  ['an id of another cloud minds case', { resourceId: 'arn:A' }, { resource_id: 'arn:a' }, false],
  // Globs.
  [
    '* stands for any run',
    { serviceName: { glob: '*Transit Gateway*' } },
    { service_name: 'AWS Transit Gateway' },
    true,
  ],
  ['* stands for nothing too', { serviceName: { glob: 'S3*' } }, { service_name: 'S3' }, true],
  ['? stands for one character', { regionId: { glob: 'eu-west-?' } }, { region_id: 'eu-west-1' }, true],
  ['? does not stand for none', { regionId: { glob: 'eu-west-?' } }, { region_id: 'eu-west-' }, false],
  ['? stands for one character of several bytes', { regionId: { glob: '?' } }, { region_id: 'ü' }, true],
  [
    'a glob is anchored at its start',
    { serviceName: { glob: 'Gateway*' } },
    { service_name: 'Transit Gateway' },
    false,
  ],
  ['a glob is anchored at its end', { serviceName: { glob: '*Transit' } }, { service_name: 'Transit Gateway' }, false],
  ['a glob minds case', { serviceName: { glob: 's3*' } }, { service_name: 'S3' }, false],
  ['% is literal in a glob', { resourceName: { glob: '100%*' } }, { resource_name: '100 percent' }, false],
  ['_ is literal in a glob', { resourceName: { glob: 'a_b' } }, { resource_name: 'axb' }, false],
  ['a backslash is literal in a glob', { resourceName: { glob: 'a\\*' } }, { resource_name: 'a\\b' }, true],
  ['brackets are literal in a glob', { resourceName: { glob: '[ab]' } }, { resource_name: 'a' }, false],
  ['a dot is literal in a glob', { resourceName: { glob: 'a.b' } }, { resource_name: 'axb' }, false],
  ['* spans lines', { resourceName: { glob: 'a*b' } }, { resource_name: 'a\nb' }, true],
  ['a glob of a missing attribute', { resourceName: { glob: '*' } }, {}, false],
  // Prefixes.
  ['a prefix', { resourceId: { prefix: 'arn:aws:' } }, { resource_id: 'arn:aws:s3:::x' }, true],
  ['a prefix is no glob', { resourceId: { prefix: 'arn:*' } }, { resource_id: 'arn:aws' }, false],
  ['a prefix minds case', { resourceId: { prefix: 'ARN' } }, { resource_id: 'arn:aws' }, false],
  ['a prefix of a missing attribute', { resourceId: { prefix: '' } }, {}, false],
  // Existence.
  ['exists', { resourceId: { exists: true } }, { resource_id: 'x' }, true],
  ['exists where it is missing', { resourceId: { exists: true } }, {}, false],
  ['exists: false', { resourceId: { exists: false } }, {}, true],
  ['exists: false where it is there', { resourceId: { exists: false } }, { resource_id: 'x' }, false],
  // Negation.
  ['not a value', { regionId: { not: 'a' } }, { region_id: 'b' }, true],
  ['not that value', { regionId: { not: 'a' } }, { region_id: 'a' }, false],
  ['a missing attribute is not a value', { regionId: { not: 'a' } }, {}, true],
  ['not a list', { regionId: { not: ['a', 'b'] } }, { region_id: 'b' }, false],
  ['not not', { regionId: { not: { not: 'a' } } }, { region_id: 'a' }, true],
  ['not not of a missing attribute', { regionId: { not: { not: 'a' } } }, {}, false],
  ['not a glob of a missing attribute', { regionId: { not: { glob: '*' } } }, {}, true],
  // Combination.
  ['several keys are and', { regionId: 'a', serviceName: 's' }, { region_id: 'a', service_name: 's' }, true],
  ['several keys, one fails', { regionId: 'a', serviceName: 's' }, { region_id: 'a' }, false],
  ['several tags are and', { tag: { a: '1', b: '2' } }, { tags: { a: '1' } }, false],
  ['no key at all', {}, {}, true],
  ['any', { any: [{ regionId: 'a' }, { serviceName: 's' }] }, { service_name: 's' }, true],
  ['any of none', { any: [] }, {}, false],
  ['all', { all: [{ regionId: 'a' }, { serviceName: 's' }] }, { service_name: 's' }, false],
  ['all of none', { all: [] }, {}, true],
  ['not of a group', { not: { regionId: 'a', serviceName: 's' } }, { region_id: 'a' }, true],
  ['nested', { any: [{ all: [{ regionId: 'a' }, { not: { serviceName: 's' } }] }] }, { region_id: 'a' }, true],
  ['a key beside a group is and', { regionId: 'a', any: [{ serviceName: 's' }] }, { region_id: 'a' }, false],
  // Tags: values.
  ['a tag equals', { tag: { team: 'blue' } }, { tags: { team: 'blue' } }, true],
  ['a tag folds and trims', { tag: { team: 'Blue' } }, { tags: { team: ' BLUE ' } }, true],
  ['a tag folds beyond ASCII', { tag: { team: 'ÄRGER' } }, { tags: { team: 'ärger' } }, true],
  ['a list of tag values folds', { tag: { team: ['red', 'BLUE'] } }, { tags: { team: 'Blue' } }, true],
  ['a glob of a tag folds', { tag: { team: { glob: 'BL*' } } }, { tags: { team: 'Blue' } }, true],
  ['a prefix of a tag folds', { tag: { team: { prefix: 'BL' } } }, { tags: { team: ' blue' } }, true],
  ['a prefix keeps its last blank', { tag: { team: { prefix: 'team ' } } }, { tags: { team: 'teams' } }, false],
  ['without folding case matters', { tag: { team: 'Blue' } }, { tags: { team: 'blue' } }, false, EXACT],
  ['without folding blanks matter', { tag: { team: 'blue' } }, { tags: { team: 'blue ' } }, false, EXACT],
  ['without folding keys are exact', { tag: { Team: 'blue' } }, { tags: { team: 'blue' } }, false, EXACT],
  ['without folding the exact tag', { tag: { team: 'blue' } }, { tags: { team: 'blue' } }, true, EXACT],
  // Tags: presence.
  ['a tag exists', { tag: { team: { exists: true } } }, { tags: { team: 'x' } }, true],
  ['an empty tag does not exist', { tag: { team: { exists: true } } }, { tags: { team: '' } }, false],
  ['a blank tag does not exist', { tag: { team: { exists: true } } }, { tags: { team: '  ' } }, false],
  ['a null tag does not exist', { tag: { team: { exists: false } } }, { tags: { team: null } }, true],
  ['an empty value never equals', { tag: { team: '' } }, { tags: { team: '' } }, false],
  ['a missing tag is not a value', { tag: { team: { not: 'blue' } } }, {}, true],
  // Tags: keys.
  ['a key folds', { tag: { Team: 'blue' } }, { tags: { TEAM: 'blue' } }, true],
  ['a key is trimmed', { tag: { team: 'blue' } }, { tags: { ' team ': 'blue' } }, true],
  ['the exact key wins', { tag: { Team: 'exact' } }, { tags: { TEAM: 'other', Team: 'exact' } }, true],
  ['the exact key wins alone', { tag: { Team: 'other' } }, { tags: { TEAM: 'other', Team: 'exact' } }, false],
  ['an empty exact key gives way', { tag: { Team: 'other' } }, { tags: { TEAM: 'other', Team: '' } }, true],
  ['else the first key', { tag: { team: 'a' } }, { tags: { TEAM: 'a', Team: 'b' } }, true],
  ['else the first key alone', { tag: { team: 'b' } }, { tags: { TEAM: 'a', Team: 'b' } }, false],
  ['a further spelling', { tag: { application: 'x' } }, { tags: { 'App-Name': 'x' } }, true, SPELLINGS],
  ['the asked key wins', { tag: { application: 'x' } }, { tags: { app: 'x', Application: 'y' } }, false, SPELLINGS],
  ['spellings in order', { tag: { application: 'x' } }, { tags: { app: 'x', 'app-name': 'y' } }, true, SPELLINGS],
  [
    'empty spellings are skipped',
    { tag: { application: 'y' } },
    { tags: { app: '', 'app-name': 'y' } },
    true,
    SPELLINGS,
  ],
  ['the key of spellings folds', { tag: { Application: 'x' } }, { tags: { app: 'x' } }, true, SPELLINGS],
  ['a spelling is not the key', { tag: { app: 'x' } }, { tags: { application: 'x' } }, false, SPELLINGS],
  [
    'without folding spellings are exact',
    { tag: { application: 'x' } },
    { tags: { App: 'x' } },
    false,
    { fold: false, keys: { application: ['app'] } },
  ],
];

describe('the rule language', () => {
  test.for(CASES)('%s', async ([, when, origin, matches, tags], { trx }) => {
    const originId = await insertOrigin(trx, origin);
    const rulebookId = await store(
      trx,
      rulebook([{ id: 'r', when, pod: 'p' }], [pod('p')], tags === undefined ? {} : { tags }),
    );
    await attributeAllOrigins(trx, rulebookId);
    const expected = matches
      ? { rule_id: 'r', kind: 'pod', pod_id: 'p' }
      : { rule_id: null, kind: 'unattributed', pod_id: null };
    expect(await readAttribution(trx, rulebookId, originId)).toEqual([
      { valid_from: '-infinity', valid_until: 'infinity', ...expected },
    ]);
  });
});
