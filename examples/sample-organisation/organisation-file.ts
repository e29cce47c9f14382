/**
 * Renders Larkfield's outturn.yaml the way its platform engineers would have written it. Only dates, limits and quarter names depend on
 * the day; everything else is literal, so that the file reads as an example of the rule language.
 */
import { addDays } from '../../services/kernel/period.ts';
import { COMPANY_NAME, SAMPLE_PODS, SAMPLE_PORTFOLIOS, type SamplePod } from './company.ts';
import { loyaltyActivatedOn, priceTestsMovedOn } from './components.ts';
import { listSampleEnvelopes, type SampleEnvelope } from './envelopes.ts';
import type { SampleCalendar } from './sample-calendar.ts';
import type { SpendPlan } from './spend-plan.ts';

/** The text of `outturn.yaml`. Paths in it are relative to it: `fx/ecb.csv` and `bills/`. */
export function organisationYaml(calendar: SampleCalendar, plan: SpendPlan): string {
  const podPattern = {
    pricing: ['analytics-environment', calendar.start],
    loyalty: ['web-service', loyaltyActivatedOn(calendar)],
  } as const;
  return `# ${COMPANY_NAME}: a sample retailer. Ten pods, three clouds, two currencies.
# Check a change with \`outturn plan\`: it shows what moves, in money per pod, before \`outturn apply\` makes it so.
organisation: ${COMPANY_NAME}

reporting:
  currency: USD
  costMetric: EffectiveCost              # what was consumed, whenever it was paid
  fiscalYearStartMonth: 1
  revenueBasis: margin                   # revenue counts as margin, never gross

fx:
  files: [fx/ecb.csv]                    # Azure bills in euros
  policy: daily
  carryDays: 7                           # a weekend takes Friday's rate

channels: { finance: C0LFFINANCE, operators: C0LFOPERATORS }

tags:
  fold: true                             # " Checkout ", CHECKOUT and checkout are one value
  keys:
    application: [app, app-name]
    environment: [env]

portfolios:
${SAMPLE_PORTFOLIOS.map((entry) => `  - { id: ${entry.id}, name: ${entry.name}, owner: ${entry.owner}, financePartner: ${entry.financePartner}, slackChannel: ${entry.slackChannel} }`).join('\n')}

# Pre-approved environments: a pod that starts from one has its envelope at once, and asks nobody.
patterns:
  - id: analytics-environment
    name: Analytics environment
    approvedBy: [security, architecture, grace@example.com]
    envelope: { every: month, limit: "8000.00", currency: USD }
    timeToProductiveTarget: P2D
  - id: web-service
    name: Web service with a database
    approvedBy: [security, compliance, architecture, grace@example.com]
    envelope: { every: month, limit: "9500.00", currency: USD }
    timeToProductiveTarget: P1D

pods:
${SAMPLE_PODS.map((pod) => podText(pod, calendar, pod.id === 'pricing' || pod.id === 'loyalty' ? podPattern[pod.id] : null)).join('\n')}

# Approved before each quarter. Pricing and loyalty have theirs from their patterns.
envelopes:
${listSampleEnvelopes(calendar, plan).map(envelopeText).join('\n')}

sources:
  - { id: aws, kind: focus-files, path: bills/aws/, expectEvery: P1D, settleAfter: P5D }
  - { id: azure, kind: focus-files, path: bills/azure/, expectEvery: P1D, settleAfter: P5D }
  - { id: gcp, kind: focus-files, path: bills/gcp/, expectEvery: P1D, settleAfter: P5D }

# The first rule that matches wins.
rules:
  # What belongs to nobody's daily work comes first, whatever its tags say.
  - { id: unused-commitments, when: { commitmentDiscountStatus: Unused }, pod: cloud-office }
  - id: commitments-bought
    when: { chargeCategory: Purchase, commitmentDiscountId: { exists: true } }
    pod: cloud-office
  - id: tax
    when: { chargeCategory: Tax }
    split: { method: proportional, among: all }
  - id: sandboxes
    when:
      any:
        - tag: { environment: sandbox }
        - subAccountId: "410000000199"
    unattributed: "sandboxes belong to nobody"
  - id: shared-network
    when:
      any:
        - serviceName: { glob: "*Transit Gateway*" }
        - subAccountId: "410000000190"
    split: { method: proportional, among: all, owner: platform }   # platform answers for it

  # The agreed way: a resource says its pod.
  - { id: pod-tag, when: { tag: { pod: { exists: true } } }, podFromTag: pod }

  # Older resources say only their application.
  - id: price-tests-moved                # checkout handed it to pricing
    from: ${priceTestsMovedOn(calendar)}
    when: { tag: { application: price-tests } }
    pod: pricing
  - { id: price-tests, when: { tag: { application: price-tests } }, pod: checkout }
  - { id: checkout-applications, when: { tag: { application: [basket, order-api] } }, pod: checkout }
  - { id: payments-applications, when: { tag: { application: [fraud-check, invoice-archive] } }, pod: payments }
  - { id: mobile-applications, when: { tag: { application: [mobile-api, push-service] } }, pod: mobile }
  - { id: loyalty-portal, when: { tag: { application: member-portal } }, pod: loyalty }

  # Accounts and projects that belong to one pod as a whole.
  - { id: mobile-account, when: { provider: AWS, subAccountId: "041000000105" }, pod: mobile }
  - { id: insights-project, when: { provider: Google Cloud, subAccountId: lf-insights-prod }, pod: insights }

  # Contracts and credits of the company as a whole.
  - { id: support-plans, when: { chargeCategory: Purchase, serviceName: { glob: "*Support*" } }, pod: cloud-office }
  - id: corporate-credits
    when: { chargeCategory: [Credit, Adjustment], resourceId: { exists: false } }
    pod: cloud-office
`;
}

function podText(
  pod: SamplePod,
  calendar: SampleCalendar,
  activation: readonly [pattern: string, on: string] | null,
): string {
  const lines = [
    `  - id: ${pod.id}`,
    `    name: ${pod.name}`,
    `    kind: ${pod.kind}`,
    `    portfolio: ${pod.portfolio}`,
    `    owner: ${pod.owner}`,
    `    costCentre: "${pod.costCentre}"`,
    `    slackChannel: ${pod.slackChannel}`,
    `    activeFrom: ${activation?.[1] ?? addDays(calendar.start, -500)}`,
  ];
  if (activation !== null) lines.push(`    activations: [{ pattern: ${activation[0]}, on: ${activation[1]} }]`);
  if (pod.aliases !== undefined) lines.push(`    aliases: [${pod.aliases.join(', ')}]`);
  return lines.join('\n');
}

function envelopeText(envelope: SampleEnvelope): string {
  return `  - scope: { ${envelope.scope} }
    period: ${envelope.period}
    limit: "${envelope.limit}"
    currency: ${envelope.currency}
    approvedBy: ${envelope.approvedBy}
    approvedAt: ${envelope.approvedAt}
    approval: ${envelope.approval}`;
}
