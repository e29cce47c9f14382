/** Tag faults as tables: keys, then values, each with its money and what mends it. */
import type { KeyFinding, TagHygiene, ValueFinding } from '../../services/reports/tag-hygiene.ts';
import { asMoney, cutTo } from './figures.ts';
import { textTable } from './text-table.ts';

const FINDINGS_SHOWN_MAX = 30;
const WORD_WIDTH_MAX = 28;

export function renderTagHygiene(report: TagHygiene): string {
  const { keys, values } = report;
  if (keys.length + values.length === 0) return `No fault in the tags of ${report.period.id} that rules read.`;
  const found = [
    ...section(
      'key',
      keys.map((one) => ({ ...one, what: one.key, about: `${one.fault}: ${one.meant}` })),
    ),
    ...section(
      'value',
      values.map((one) => ({ ...one, what: `${one.key}=${one.value}`, about: aboutOf(one) })),
    ),
  ];
  return [
    ...found,
    `${report.period.id}: ${report.costMetric} in ${report.currency}, rulebook ${report.rulebook}. A charge with several faults is in several rows.`,
  ].join('\n');
}

type Row = (KeyFinding | ValueFinding) & { readonly what: string; readonly about: string };

function section(noun: string, findings: readonly Row[]): string[] {
  if (findings.length === 0) return [];
  const shown = findings.slice(0, FINDINGS_SHOWN_MAX);
  const rows = shown.map((one) => [
    cutTo(one.what, WORD_WIDTH_MAX),
    cutTo(one.about, WORD_WIDTH_MAX),
    asMoney(one.cost),
    asMoney(one.unattributedCost),
    String(one.lines),
    String(one.origins),
  ]);
  const hidden = findings.length - shown.length;
  return [
    textTable([noun, 'fault', 'cost', 'unattributed', 'lines', 'origins'], rows, [2, 3, 4, 5]),
    ...(hidden > 0 ? [`… and ${hidden} more: --format csv has all of them.`] : []),
    '',
    'What mends it, in outturn.yaml:',
    ...shown.map((one) => `  ${one.fix}`),
    '',
  ];
}

function aboutOf(finding: ValueFinding): string {
  if (finding.fault === 'unknown-pod') return 'names no pod';
  return finding.fault === 'not-active' ? 'not active on these dates' : `${finding.fault}: ${finding.pod ?? ''}`;
}
