/**
 * What a bill says about who caused its cost: EffectiveCost and lines per account and set of tags, summed exactly from the
 * archived lines. The basis of a proposed organisation; nothing of it is stored.
 */
import { carryTail, textOfParts } from '../billing/cell-sql.ts';
import { countOf, type DuckDbRow, openDuckDb, textOf } from '../billing/duckdb-session.ts';
import type { InspectedFile } from '../billing/inspected-file.ts';
import { isNothingText } from '../billing/nothing-text.ts';
import { type Bill, openBill } from '../billing/open-bill.ts';
import { readTags } from '../billing/read-tags.ts';
import { withWorkFolder } from '../billing/work-folder.ts';
import { AppError } from '../kernel/errors.ts';
import { add, type Decimal, decimal, sum } from '../kernel/decimal.ts';

export interface BillFact {
  readonly provider: string;
  readonly billingAccountId: string;
  readonly subAccountId: string | null;
  readonly subAccountName: string | null;
  readonly chargeCategory: string;
  readonly billingCurrency: string;
  /** By key as the bill spells it; keys without a value are left out. */
  readonly tags: ReadonlyMap<string, string>;
  readonly effectiveCost: Decimal;
  readonly lines: number;
}

/** So many distinct sets of tags mean tags of single requests; a proposal from them would help nobody. */
const FACTS_MAX = 1_000_000;

/** Reads the facts of inspected bills. DuckDB spills into a folder below `workDir` that is gone afterwards. */
export async function readBillFacts(files: readonly InspectedFile[], workDir: string): Promise<BillFact[]> {
  return withWorkFolder(workDir, async (folder) => {
    const facts = new Map<string, BillFact>();
    for (const file of files) await readFile(file, folder, (fact) => merge(facts, fact));
    return [...facts.values()];
  });
}

async function readFile(file: InspectedFile, folder: string, take: (fact: BillFact) => void): Promise<void> {
  const session = await openDuckDb(folder);
  try {
    const bill = await openBill(session, file.archivePath, file.name);
    for await (const rows of session.chunks(factsSql(bill))) for (const row of rows) take(factOf(row));
  } finally {
    session.close();
  }
}

function factOf(row: DuckDbRow): BillFact {
  const text = (name: string): string | null => presentText(textOf(row[name]));
  return {
    provider: text('provider') ?? '',
    billingAccountId: text('billing_account') ?? '',
    subAccountId: text('sub_account'),
    subAccountName: text('sub_account_name'),
    chargeCategory: text('charge_category') ?? '',
    billingCurrency: text('currency') ?? '',
    tags: presentTags(text('tags')),
    effectiveCost: decimalOf(textOf(row['parts']), textOf(row['odd'])),
    lines: countOf(row['lines']),
  };
}

function merge(facts: Map<string, BillFact>, fact: BillFact): void {
  const { effectiveCost, lines, tags, ...rest } = fact;
  const key = JSON.stringify([Object.values(rest), [...tags]]);
  const known = facts.get(key);
  if (known === undefined && facts.size >= FACTS_MAX) {
    throw new AppError(
      'invalid_input',
      `The bill has more than ${FACTS_MAX} sets of accounts and tags. Propose from one month, or from fewer accounts.`,
    );
  }
  facts.set(
    key,
    known === undefined
      ? fact
      : { ...known, effectiveCost: add(known.effectiveCost, effectiveCost), lines: known.lines + lines },
  );
}

/** Sums per group; cells whose digits fit no sum come along as texts and are added outside. One level per step, as in `PartsReader`. */
function factsSql(bill: Bill): string {
  const cost = bill.decimal('EffectiveCost');
  const lines = `select ${bill.cell('ProviderName')} as provider, ${bill.cell('BillingAccountId')} as billing_account,
    ${bill.cell('SubAccountId')} as sub_account, ${bill.cell('SubAccountName')} as sub_account_name,
    ${bill.cell('ChargeCategory')} as charge_category, ${bill.cell('BillingCurrency')} as currency, ${bill.tags} as tags,
    ${cost.text} as cost_text, ${cost.kind === 'native' ? cost.value : cost.source} as cost ${bill.from([])}`;
  const keys = 'provider, billing_account, sub_account, sub_account_name, charge_category, currency, tags';
  const grouped = (sums: string, from: string) =>
    `select ${keys}, count(*)::bigint as lines, ${sums} from (${from}) group by ${keys}`;
  if (cost.kind === 'native') {
    return `select *, cast(cost_sum as varchar) as parts, null::varchar as odd from (${grouped('sum(cost) as cost_sum', lines)})`;
  }
  const { quick, plain, head, tail } = cost.reader;
  const split = `select *, ${head('quick', 'plain')} as head, ${tail('quick', 'plain')} as tail from (
    select *, ${plain('cost', 'quick')} as plain from (select *, ${quick('cost')} as quick from (${lines})))`;
  const fits = '(head is not null and tail is not null)';
  const sums = `coalesce(sum(head) filter (${fits}), 0) as head, coalesce(sum(tail) filter (${fits}), 0::hugeint) as tail,
    string_agg(cost_text, ' ') filter (cost is not null and not ${fits}) as odd`;
  const { carried, rest } = carryTail('head', 'tail', cost.scale);
  return `select *, ${textOfParts('carried', 'rest', cost.scale)} as parts
    from (select *, ${carried} as carried, ${rest} as rest from (${grouped(sums, split)}))`;
}

function decimalOf(parts: string | null, odd: string | null): Decimal {
  const texts = (odd ?? '').split(' ').filter((text) => text !== '');
  return sum([parts ?? '0', ...texts].map((text) => decimal(text)));
}

function presentText(text: string | null): string | null {
  return text === null || isNothingText(text) ? null : text;
}

function presentTags(text: string | null): ReadonlyMap<string, string> {
  const entries = readTags(text) ?? [];
  return new Map(entries.flatMap(([key, value]) => (value === null || value.trim() === '' ? [] : [[key, value]])));
}
