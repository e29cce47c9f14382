/**
 * Turns a rule's `when` into an SQL condition over one origin. Foreign text never enters the statement: every value is an element
 * of one bound text array, so nothing is quoted and no rulebook is too long for PostgreSQL's limit of parameters.
 *
 * A condition may be null where an attribute is null; null counts as "does not match" everywhere, and `not` is `is not true`, so
 * that the `not` of a test that fails on a missing attribute holds.
 */
import type { RuleDimension, RulebookContent, RuleTest, RuleWhen } from './rulebook.ts';
import { RULE_DIMENSIONS } from './rulebook.ts';

/** The origin column each dimension tests. */
export const DIMENSION_COLUMNS = {
  provider: 'provider_name',
  publisher: 'publisher_name',
  invoiceIssuer: 'invoice_issuer_name',
  billingAccountId: 'billing_account_id',
  subAccountId: 'sub_account_id',
  subAccountName: 'sub_account_name',
  serviceName: 'service_name',
  serviceCategory: 'service_category',
  regionId: 'region_id',
  resourceId: 'resource_id',
  resourceName: 'resource_name',
  resourceType: 'resource_type',
  chargeCategory: 'charge_category',
  chargeClass: 'charge_class',
  commitmentDiscountId: 'commitment_discount_id',
  commitmentDiscountStatus: 'commitment_discount_status',
} as const satisfies Record<RuleDimension, string>;

/** The column of the provider as tests see it. */
export const FOLDED_PROVIDER = 'folded_provider';

/** What the conditions of one rulebook share: the bound texts, and the tags that are read once per origin. */
export interface WhenScope {
  /** The elements of the bound text array, in order. */
  readonly texts: string[];
  /** Definitions, by column name, of what is computed once per origin: the asked tags, and the folded provider. */
  readonly columns: Map<string, string>;
  /** SQL that refers to a text. */
  text(value: string): string;
  /** The column that holds the asked tag: null where it is missing or empty, folded where the rulebook folds. */
  tag(key: string): string;
  readonly foldsTags: boolean;
}

/** Trimmed and case-folded, the same on both sides of every comparison and independent of the database's locale. */
export function foldSql(expression: string): string {
  return `lower(btrim(${expression}) collate pg_c_utf8)`;
}

/**
 * Starts the scope of one statement; `textsParameter` is the placeholder of the bound array, such as `$1::text[]`. Two scopes of one
 * statement give their tags' columns names that begin differently.
 */
export function createWhenScope(
  tags: RulebookContent['tags'],
  textsParameter: string,
  tagColumnStart = 'tag',
): WhenScope {
  const texts: string[] = [];
  const positions = new Map<string, number>();
  const columns = new Map([[FOLDED_PROVIDER, foldSql('origin.provider_name')]]);
  const columnsByKey = new Map<string, string>();
  const text = (value: string): string => {
    const position = positions.get(value) ?? texts.push(value);
    positions.set(value, position);
    return `(${textsParameter})[${position}]`;
  };
  const tag = (key: string): string => {
    const known = columnsByKey.get(key);
    if (known !== undefined) return known;
    const column = `${tagColumnStart}_${columns.size}`;
    columnsByKey.set(key, column);
    columns.set(column, tagValueSql(tags, key, text));
    return column;
  };
  return { texts, columns, text, tag, foldsTags: tags.fold };
}

/** The condition under which `when` holds for an origin; several keys are `and`, no key at all always holds. */
export function compileWhen(when: RuleWhen, scope: WhenScope): string {
  const parts: string[] = [];
  for (const dimension of RULE_DIMENSIONS) {
    const test = when[dimension];
    if (test === undefined) continue;
    parts.push(compileDimension(dimension, test, scope));
  }
  for (const [key, test] of Object.entries(when.tag ?? {})) {
    parts.push(compileTest(test, `origin.${scope.tag(key)}`, scope.foldsTags, scope));
  }
  if (when.any !== undefined) parts.push(joinConditions(when.any, 'or', scope));
  if (when.all !== undefined) parts.push(joinConditions(when.all, 'and', scope));
  if (when.not !== undefined) parts.push(`(${compileWhen(when.not, scope)}) is not true`);
  return parts.length === 0 ? 'true' : parts.map((part) => `(${part})`).join(' and ');
}

/** A list may name ids of several clouds: each part is compared as its own cloud does. */
function compileDimension(dimension: RuleDimension, test: RuleTest, scope: WhenScope): string {
  if (typeof test === 'object' && 'not' in test) return `(${compileDimension(dimension, test.not, scope)}) is not true`;
  if (isList(test)) {
    const { folded = [], exact = [] } = Object.groupBy(test, (one) => (isFolded(dimension, one) ? 'folded' : 'exact'));
    if (folded.length > 0 && exact.length > 0) {
      return [folded, exact].map((part) => `(${compileDimension(dimension, part, scope)})`).join(' or ');
    }
  }
  const folds = isFolded(dimension, test);
  return compileTest(test, operandOf(dimension, folds, scope), folds, scope);
}

/** The dimensions that hold ids of Azure Resource Manager, which are the same in any case; its bills and its portal spell them in several ways. */
const AZURE_DIMENSIONS: ReadonlySet<RuleDimension> = new Set(['billingAccountId', 'subAccountId', 'resourceId']);
const AZURE_ID = /^\/(?:subscriptions|providers)\//i;

/** Whether a test of the dimension disregards case: the provider always, an id of Azure. A list does if all of it does. */
export function isFolded(dimension: RuleDimension, test: RuleTest): boolean {
  if (dimension === 'provider') return true;
  if (!AZURE_DIMENSIONS.has(dimension)) return false;
  if (typeof test === 'string') return AZURE_ID.test(test);
  if (isList(test)) return test.length > 0 && test.every((one) => AZURE_ID.test(one));
  if ('glob' in test) return AZURE_ID.test(test.glob);
  return 'prefix' in test && AZURE_ID.test(test.prefix);
}

/** The column that a dimension is read from; folded it is computed once per origin. */
export function operandOf(dimension: RuleDimension, folds: boolean, { columns }: WhenScope): string {
  const column = DIMENSION_COLUMNS[dimension];
  if (!folds) return `origin.${column}`;
  if (dimension === 'provider') return `origin.${FOLDED_PROVIDER}`;
  columns.set(`folded_${column}`, foldSql(`origin.${column}`));
  return `origin.folded_${column}`;
}

/** Glob → LIKE: `*` any run, `?` one character, everything else literal; LIKE is anchored at both ends. */
export function globToLike(glob: string): string {
  return glob
    .replace(/[\\%_]/g, '\\$&')
    .replaceAll('*', '%')
    .replaceAll('?', '_');
}

function compileTest(test: RuleTest, operand: string, folds: boolean, scope: WhenScope): string {
  const value = (text: string): string => (folds ? foldSql(scope.text(text)) : scope.text(text));
  if (typeof test === 'string') return `${operand} = ${value(test)}`;
  if (isList(test)) return test.length === 0 ? 'false' : `${operand} = any(array[${test.map(value).join(', ')}])`;
  if ('glob' in test) return `${operand} like ${value(globToLike(test.glob))}`;
  if ('prefix' in test) {
    // Only the left end is trimmed: the blank at the end of "team " is part of what is asked for.
    const prefix = scope.text(test.prefix);
    return `starts_with(${operand}, ${folds ? `lower(ltrim(${prefix}) collate pg_c_utf8)` : prefix})`;
  }
  if ('exists' in test) return `${operand} is ${test.exists ? 'not ' : ''}null`;
  return `(${compileTest(test.not, operand, folds, scope)}) is not true`;
}

function joinConditions(parts: readonly RuleWhen[], operator: 'and' | 'or', scope: WhenScope): string {
  if (parts.length === 0) return operator === 'and' ? 'true' : 'false';
  return parts.map((part) => `(${compileWhen(part, scope)})`).join(` ${operator} `);
}

/**
 * The value of a tag: of the key spelled exactly as asked, else of the key that folds to it, else of the key's further spellings
 * in their order. Empty values are skipped. Without folding only exact spellings and untrimmed values count.
 */
function tagValueSql(tags: RulebookContent['tags'], key: string, text: (value: string) => string): string {
  const spellings = tagSpellings(tags, key);
  if (!tags.fold) return `coalesce(${spellings.map((one) => `nullif(origin.tags ->> ${text(one)}, '')`).join(', ')})`;
  const candidates = spellings.flatMap((one) => [
    `nullif(btrim(origin.tags ->> ${text(one)}), '')`,
    `nullif(btrim(origin.folded_tags ->> ${foldSql(text(one))}), '')`,
  ]);
  return foldSql(`coalesce(${candidates.join(', ')})`);
}

/** The spellings under which a key is looked for, in their order. */
export function tagSpellings(tags: RulebookContent['tags'], key: string): readonly string[] {
  const fold = (spelling: string): string => (tags.fold ? spelling.trim().toLowerCase() : spelling);
  const further = Object.entries(tags.keys)
    .filter(([asked]) => fold(asked) === fold(key))
    .flatMap(([, spellings]) => spellings);
  return [key, ...further];
}

function isList(test: RuleTest): test is readonly string[] {
  return Array.isArray(test);
}
