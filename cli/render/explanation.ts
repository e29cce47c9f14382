/** An explanation for the terminal: from the rules down to the lines of the files. Exact figures; nothing is rounded here. */
import type { Explanation } from '../../services/attribution/explain.ts';
import type { OriginExplanation } from '../../services/attribution/explain-origin.ts';
import type { PodExplanation } from '../../services/attribution/explain-pod.ts';
import { renderOutcomeExplanation } from './outcome-explanation.ts';
import { textTable } from './text-table.ts';

type Common = Pick<PodExplanation, 'loads' | 'lines' | 'linesNote' | 'rates'>;

/** Columns of a line worth a terminal's width; --json has all of them. */
const LINE_COLUMNS = [
  'ChargePeriodStart',
  'ServiceName',
  'ResourceId',
  'BilledCost',
  'EffectiveCost',
  'BillingCurrency',
];
const TEXT_WIDTH_MAX = 48;

export function renderExplanation(explanation: Explanation): string {
  switch (explanation.subject) {
    case 'pod':
    case 'total':
      return renderPod(explanation);
    case 'origin':
      return renderOrigin(explanation);
    case 'outcome':
      return renderOutcomeExplanation(explanation);
    case 'resource':
      return [
        `Resource ${explanation.resourceId}: ${explanation.origins.length} origin(s).`,
        ...explanation.origins.map((origin) => `\n${renderOrigin(origin)}`),
      ].join('\n');
  }
}

function renderPod(explanation: PodExplanation): string {
  return [
    `${subjectOf(explanation)}, ${explanation.period.id} [${explanation.period.start}, ${explanation.period.end}), rulebook ${explanation.rulebook}.`,
    ...(explanation.where.length === 0 ? [] : [`Only ${explanation.where.join(', ')}.`]),
    ...closedSentence(explanation),
    section(
      'Rules',
      textTable(
        ['rule', 'kind', 'share', 'currency', 'BilledCost', 'EffectiveCost', convertedTitle(explanation), 'lines'],
        explanation.rules.map((rule) => [
          rule.ruleId ?? '(no rule matched)',
          rule.kind,
          rule.share ?? '',
          rule.billingCurrency,
          rule.billedCost,
          rule.effectiveCost,
          rule.converted ?? 'n/a',
          rule.lineCount,
        ]),
        [2, 4, 5, 6, 7],
      ),
    ),
    ...explanation.rules.flatMap(splitSentence),
    ...podsOf(explanation),
    ...valueOf(explanation),
    section(
      'Greatest origins',
      textTable(
        ['origin', 'rule', 'service', 'resource', 'currency', 'EffectiveCost', 'lines'],
        explanation.origins.map((origin) => [
          origin.originId,
          origin.ruleId ?? '',
          cut(origin.serviceName),
          cut(origin.resourceName ?? origin.resourceId),
          origin.billingCurrency,
          origin.effectiveCost,
          origin.lineCount,
        ]),
        [5, 6],
      ),
    ),
    ...renderCommon(explanation),
  ].join('\n');
}

function subjectOf({ subject, podId }: PodExplanation): string {
  if (subject === 'total') return 'All cost';
  return podId === null ? 'Unattributed cost' : `Pod ${podId}`;
}

function convertedTitle({ costMetric, reportingCurrency }: PodExplanation): string {
  return `${costMetric} in ${reportingCurrency}`;
}

function closedSentence({ closed, state }: PodExplanation): string[] {
  if (closed.length === 0) return [];
  const months = closed.map(({ periodId, statementId }) => `${periodId} (statement ${statementId})`).join(', ');
  return [
    `As closed: ${months}.${state === 'mixed' ? ' Other days as now known.' : ''} --as-now shows what is known now.`,
  ];
}

function podsOf(explanation: PodExplanation): string[] {
  if (explanation.subject === 'pod') return [];
  const rows = explanation.pods.map((pod) => [
    pod.podId ?? '(unattributed)',
    pod.kind,
    pod.billingCurrency,
    pod.billedCost,
    pod.effectiveCost,
    pod.converted ?? 'n/a',
  ]);
  const titles = ['pod', 'kind', 'currency', 'BilledCost', 'EffectiveCost', convertedTitle(explanation)];
  return [section('Pods', textTable(titles, rows, [3, 4, 5]))];
}

function valueOf({ value, reportingCurrency }: PodExplanation): string[] {
  if (value.length === 0) return [];
  const rows = value.map((one) => [
    one.outcomeId,
    cut(one.title),
    one.state,
    one.beside ?? '',
    one.currency ?? '',
    one.amount ?? '',
    one.converted ?? '',
    one.statementId === null ? '' : String(one.statementId),
  ]);
  const titles = ['outcome', 'title', 'state', 'beside', 'currency', 'amount', `in ${reportingCurrency}`, 'statement'];
  return [section('Value', textTable(titles, rows, [5, 6]))];
}

/** How a share comes about, so that it can be worked out again by hand. */
function splitSentence({ ruleId, billingCurrency, split }: PodExplanation['rules'][number]): string[] {
  if (split === null) return [];
  const measure = split.measure === null ? '' : ` ${split.measure}`;
  const per = split.per === null ? '' : ` of the ${split.per}`;
  return [
    `${ruleId ?? ''} (${billingCurrency}): ${split.method} among ${split.podCount} pod(s); on ${split.onDate} ${split.weight} of ${split.sum}${measure}${per}.`,
  ];
}

function renderOrigin(explanation: OriginExplanation): string {
  const attributes = Object.entries(explanation.attributes).map(([name, value]) => [name, value]);
  const tags = Object.entries(explanation.tags).map(([key, value]) => [`tag.${key}`, value ?? '']);
  const stretches = explanation.stretches.map((stretch) => {
    const where = stretch.kind === 'pod' ? `pod ${stretch.podId ?? ''}` : stretch.kind;
    const won = stretch.ruleId === null ? 'no rule matched' : `rule ${stretch.ruleId}`;
    const passed = stretch.passedOver.map((rule) => `    not ${rule.ruleId}: ${rule.reason}`);
    return [`  ${stretch.from ?? 'ever'} to ${stretch.until ?? 'ever'}: ${where} (${won})`, ...passed].join('\n');
  });
  return [
    `Origin ${explanation.originId}, rulebook ${explanation.rulebook}.`,
    section('Attributes', textTable(['attribute', 'value'], [...attributes, ...tags])),
    section('Attribution', stretches.join('\n')),
    section(
      'Charges by day',
      textTable(
        ['day', 'load', 'currency', 'BilledCost', 'EffectiveCost', 'lines'],
        explanation.days.map((day) => [
          day.chargeDate,
          day.loadId,
          day.billingCurrency,
          day.billedCost,
          day.effectiveCost,
          day.lineCount,
        ]),
        [3, 4, 5],
      ),
    ),
    ...renderCommon(explanation),
  ].join('\n');
}

function renderCommon(explanation: Common): string[] {
  const files = explanation.loads.flatMap((load) =>
    load.files.map((file) => [
      load.loadId,
      load.sourceId,
      load.billingPeriod,
      file.name,
      String(file.rows),
      file.sha256.slice(0, 16),
    ]),
  );
  const rates = explanation.rates.map((rate) => [
    rate.onDate,
    `${rate.from} to ${rate.to}`,
    rate.rate,
    rate.publishedOn,
    rate.path,
  ]);
  const lines = explanation.lines.map((line) => [
    line.file,
    String(line.record),
    ...LINE_COLUMNS.map((column) => cut(line.columns[column] ?? '')),
  ]);
  return [
    ...(rates.length === 0
      ? []
      : [section('Exchange rates', textTable(['day', 'pair', 'rate', 'published', 'path'], rates, [2]))]),
    section('Files', textTable(['load', 'source', 'billing period', 'file', 'lines', 'sha256'], files, [4])),
    section(
      'Lines (a sample)',
      explanation.linesNote ?? textTable(['file', 'record', ...LINE_COLUMNS], lines, [1, 5, 6]),
    ),
  ];
}

function section(title: string, body: string): string {
  return `\n${title}\n${body}`;
}

function cut(text: string | null): string {
  if (text === null) return '';
  return text.length <= TEXT_WIDTH_MAX ? text : `${text.slice(0, TEXT_WIDTH_MAX - 1)}…`;
}
