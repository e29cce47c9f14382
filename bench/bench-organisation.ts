/**
 * The organisation of the bench bill as outturn.yaml: 60 pods, 180 rules by application, one shared service that is split, the pods'
 * own tag, and 60 rules by account for what has no tags; what is left is unattributed. Written as rules of real organisations are:
 * most origins pass many rules before one takes them.
 */
import type { ReadOrganisation } from '../services/organisation/read-organisation-file.ts';
import { parseOrganisation } from '../services/organisation/read-organisation-file.ts';

export const POD_COUNT = 60;
const APPLICATION_COUNT = 900;
const APPLICATIONS_PER_RULE = 5;
/** Of 240 accounts; the others' untagged cost stays unattributed. */
const ACCOUNT_RULES = 60;
const ACCOUNTS_PER_RULE = 3;

/**
 * `one-rule`: a rule of the middle names another pod. `one-condition`: that rule asks for one application less. `every-origin`: every rule names
 * another pod, and the split is another. `every-condition`: every rule about applications asks for others, so that all are asked anew.
 */
export type BenchRules = 'first' | 'one-rule' | 'one-condition' | 'every-origin' | 'every-condition';

export function benchPod(index: number): string {
  return `pod-${String(index % POD_COUNT).padStart(2, '0')}`;
}

/** The organisation, as read from a file. */
export function benchOrganisation(rules: BenchRules): ReadOrganisation {
  const shift = rules === 'every-origin' ? 1 : 0;
  const podOf = (rule: number) => benchPod(rule + shift + (rules === 'one-rule' && rule === POD_COUNT ? 1 : 0));
  const applications = Array.from({ length: APPLICATION_COUNT / APPLICATIONS_PER_RULE }, (_rule, rule) => {
    const asked = rules === 'one-condition' && rule === POD_COUNT ? APPLICATIONS_PER_RULE - 1 : APPLICATIONS_PER_RULE;
    const first = rule * APPLICATIONS_PER_RULE + (rules === 'every-condition' ? 1 : 0);
    const names = range(asked).map((index) => `app-${String((first + index) % APPLICATION_COUNT).padStart(3, '0')}`);
    return `  - { id: applications-${rule}, when: { tag: { application: [${names.join(', ')}] } }, pod: ${podOf(rule)} }`;
  });
  const accounts = range(ACCOUNT_RULES).map((rule) => {
    const names = range(ACCOUNTS_PER_RULE).map((index) => `workload-${rule * ACCOUNTS_PER_RULE + index}`);
    return `  - { id: accounts-${rule}, when: { subAccountName: [${names.join(', ')}] }, pod: ${benchPod(rule + shift)} }`;
  });
  const split = rules === 'every-origin' ? 'even' : 'proportional';
  const sourceText = [
    'organisation: Bench',
    'pods:',
    ...range(POD_COUNT).map((index) => `  - { id: ${benchPod(index)} }`),
    'sources:',
    '  - { id: files, kind: focus-files, path: bills }',
    'rules:',
    `  - { id: observability, when: { serviceName: AmazonCloudWatch }, split: { method: ${split} } }`,
    ...applications,
    '  - { id: own-tag, when: {}, podFromTag: pod }',
    ...accounts,
    '',
  ].join('\n');
  return { organisation: parseOrganisation(sourceText), sourceText, folder: import.meta.dirname };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_item, index) => index);
}
