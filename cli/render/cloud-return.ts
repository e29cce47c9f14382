/** The CIO's quarter as text: the first page in sentences, then every section as the PDF has it. */
import { commentLines, decisionLine, insteadOfReturn, podLine } from '../../services/cloud-return/pages/first-page.ts';
import { type PageSection, placesFor } from '../../services/cloud-return/pages/page-table.ts';
import { sectionsOf } from '../../services/cloud-return/pages/sections.ts';
import type { CloudReturn, NamedPod } from '../../services/cloud-return/shape.ts';
import { cutMiddle, hasFigures, standingOf, titleOf } from '../../services/cloud-return/wording.ts';
import { textTable } from './text-table.ts';

const NAME_WIDTH_MAX = 48;
const TEXT_WIDTH_MAX = 60;

export function renderCloudReturn(found: CloudReturn): string {
  const { headline, summary, currency } = found;
  const title = `${titleOf(found)} (${standingOf(found)})`;
  if (!hasFigures(found)) return [title, '', ...headline].join('\n');
  const places = placesFor(summary.figures.cost);
  const pods = (title: string, last: string, named: readonly NamedPod[]) =>
    named.length === 0
      ? [`${title}: none.`]
      : [
          textTable(
            [title, `cost ${currency}`, last],
            named.map((pod) => podLine(pod, found)),
            [1, 2],
          ),
        ];
  const decisions = summary.decisions.map((decision) => `  ${decisionLine(decision, places)}.`);
  const comments = commentLines(found).map(({ pod, text, by }) => `  ${pod}: ${text} (${by})`);
  return [
    title,
    '',
    ...headline,
    '',
    ...pods('best return', 'return', summary.best),
    '',
    ...pods('delivery pods without verified value', insteadOfReturn(summary.unexplained), summary.unexplained),
    '',
    ...(decisions.length === 0 ? ['Decisions asked: none.'] : ['Decisions asked:', ...decisions]),
    ...(comments.length === 0 ? [] : ['Comments:', ...comments]),
    ...sectionsOf(found).flatMap((section) => ['', ...renderSection(section)]),
  ].join('\n');
}

function renderSection({ title, lead, table, notes }: PageSection): string[] {
  const rows =
    table?.rows.map((row) =>
      row.map((cell, index) => (index < 2 || cell.length > TEXT_WIDTH_MAX ? cutMiddle(cell, NAME_WIDTH_MAX) : cell)),
    ) ?? [];
  return [
    title,
    ...lead.map((line) => `  ${line}`),
    ...(table === null ? [] : [textTable(table.heads, rows, table.figures)]),
    ...notes.map((line) => `  ${line}`),
  ];
}
