/** Outcomes, what was done about them, and pools, as a terminal shows them. Amounts are exact. */
import type { OutcomePage, OutcomeView } from '../../services/outcomes/list-outcomes.ts';
import type { SeenPool } from '../../services/access/shared-facts.ts';
import type { EnabledPage } from '../../services/outcomes/list-enabled.ts';
import type { ReviewedOutcome } from '../../services/outcomes/acts/review-outcome.ts';
import type { ShownOutcome } from '../../services/outcomes/show-outcome.ts';
import type { SupersededOutcome } from '../../services/outcomes/acts/supersede-outcome.ts';
import type { AnsweredDuplicate } from '../../services/outcomes/duplicates/answer-duplicate.ts';
import type { VerifiedOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import type { MissingForVerification } from '../../services/outcomes/gates/verification-gates.ts';
import { printableLine } from '../../services/kernel/obeyed-signs.ts';
import { cutTo, withThousands } from './figures.ts';
import { textTable } from './text-table.ts';

const TITLE_WIDTH_MAX = 40;

interface Acted {
  readonly outcomeId: string;
  readonly change: string;
  readonly version: number;
  readonly state: string;
  readonly notes: readonly string[];
}

export function renderActed({ outcomeId, change, version, state, notes }: Acted): string {
  const line =
    change === 'unchanged'
      ? `Nothing changed: outcome ${outcomeId} is ${wordsOf(state)} (version ${version}).`
      : `Outcome ${outcomeId} is ${wordsOf(state)} (version ${version}).`;
  return [line, ...notes.map((note) => `  ${note}`)].join('\n');
}

/** What was answered, and what that opens or closes. */
export function renderAnswered(done: AnsweredDuplicate): string {
  const { outcomeId, otherId, answer } = done;
  const said =
    answer === 'distinct'
      ? `Outcomes ${outcomeId} and ${otherId} are distinct: neither stands in the way of the other.`
      : `Outcomes ${outcomeId} and ${otherId} are one: neither is verified until the other is rejected, retracted or superseded.`;
  return `${said}\n${renderActed(done)}`;
}

/** With the amount that was verified, for whoever verifies at a glance. */
export function renderVerified(done: VerifiedOutcome): string {
  const { claimedAmount, verifiedAmount, currency } = done;
  if (claimedAmount === null || verifiedAmount === null) return renderActed(done);
  const money = `${withThousands(verifiedAmount)} ${currency ?? ''}`;
  const all = claimedAmount === verifiedAmount ? 'all that is claimed' : `of ${withThousands(claimedAmount)} claimed`;
  return `${renderActed(done)}\nVerified: ${money}, ${all}.`;
}

/** With the next step, where it is a claim. */
export function renderClaimed(done: Acted): string {
  const next = `What finance needs to verify it: outturn outcomes show ${done.outcomeId}`;
  return done.state === 'claimed' ? `${renderActed(done)}\n${next}` : renderActed(done);
}

export function renderReviewed(done: ReviewedOutcome): string {
  const { outcomeId, missing } = done;
  return [
    renderActed(done),
    ...(missing.length === 0
      ? [`Nothing is missing. Verify it with: outturn outcomes verify ${outcomeId}`]
      : ['Missing to its verification:', ...missing.map(lineOf)]),
  ].join('\n');
}

export function renderSuperseded(done: SupersededOutcome): string {
  return `${renderActed(done)}\nOutcome ${done.successorId} takes its place.`;
}

/** `isFiltered`: there may be others. */
export function renderOutcomes({ outcomes, next }: OutcomePage, isFiltered: boolean): string {
  if (outcomes.length === 0 && isFiltered) return 'There is no such outcome. All of them: outturn outcomes list';
  if (outcomes.length === 0) return 'There is no outcome yet. Claim the first: outturn outcomes claim --help';
  const rows = outcomes.map((one) => [
    one.outcomeId,
    wordsOf(one.state),
    cutTo(one.title, TITLE_WIDTH_MAX),
    one.deliveredOn,
    one.state === 'candidate' ? '' : one.basis,
    amountOf(one),
    one.currency ?? '',
    cutTo(one.shares.map(({ pod }) => pod).join(', '), TITLE_WIDTH_MAX),
  ]);
  const heads = ['id', 'state', 'title', 'delivered', 'basis', 'amount', 'cur', 'pods'];
  return [textTable(heads, rows, [0, 5]), ...(next === null ? [] : ['', 'There are more: raise --limit.'])].join('\n');
}

export function renderEnabled({ outcomes, next }: EnabledPage): string {
  if (outcomes.length === 0) {
    return 'No outcome names you among those that made it possible. Whoever claims one does: outturn outcomes claim ID --enabled-by POD';
  }
  const rows = outcomes.map((one) => [
    one.outcomeId,
    wordsOf(one.state),
    cutTo(one.title, TITLE_WIDTH_MAX),
    one.deliveredOn,
    cutTo(one.pods.join(', '), TITLE_WIDTH_MAX),
    cutTo(one.enabledBy.join(', '), TITLE_WIDTH_MAX),
  ]);
  const heads = ['id', 'state', 'title', 'delivered', 'pods', 'made possible by'];
  return [textTable(heads, rows, [0]), ...(next === null ? [] : ['', 'There are more: raise --limit.'])].join('\n');
}

export function renderShown(shown: ShownOutcome): string {
  const { outcomeId, version, title, deliveredOn, ownerEmail, claimedBy, verifiedBy, missing } = shown;
  const reason = shown.stateReason === null ? '' : `: ${printableLine(shown.stateReason)}`;
  return [
    `Outcome ${outcomeId}, version ${version}: ${printableLine(title)}`,
    `${wordsOf(shown.state)}${reason}${shown.supersededBy === null ? '' : ` (superseded by outcome ${shown.supersededBy})`}`,
    `Delivered on ${deliveredOn}; owned by ${ownerEmail}; ${
      shown.claimedAt === null ? `found by ${claimedBy}` : `claimed by ${claimedBy} on ${shown.claimedAt.slice(0, 10)}`
    }${verifiedBy === null ? '' : `; verified by ${verifiedBy}`}`,
    ...(shown.supersedes.length === 0 ? [] : [`It took the place of outcome ${shown.supersedes.join(', ')}.`]),
    ...worthOf(shown),
    ...(shown.schedule.length === 0 ? [] : ['', scheduleOf(shown)]),
    '',
    textTable(
      ['pod', 'basis points', 'agreed by'],
      shown.shares.map((share) => [share.pod, String(share.basisPoints), share.agreedBy ?? '']),
      [1],
    ),
    ...(missing === null || missing.length === 0 ? [] : ['', 'Missing to its verification:', ...missing.map(lineOf)]),
    ...(shown.evidence.length === 0 ? [] : ['', 'Evidence']),
    ...shown.evidence.map(
      (one) => `  ${one.evidenceId}: ${one.uri}${one.isBroken ? ` — broken: ${one.brokenReason ?? ''}` : ''}`,
    ),
    ...(shown.duplicates.length === 0 ? [] : ['', 'It may be once more']),
    ...shown.duplicates.map(
      (one) =>
        `  outcome ${one.outcomeId} (${wordsOf(one.state)}), ${cutTo(one.title, TITLE_WIDTH_MAX)}: ${one.reason}; ${one.answer ?? 'not answered'}`,
    ),
    '',
    textTable(
      ['version', 'state', 'act', 'at', 'by', 'reason'],
      shown.history.map((one) => [
        String(one.version),
        wordsOf(one.state),
        one.act,
        one.at.slice(0, 16),
        one.principal,
        cutTo(one.reason ?? '', TITLE_WIDTH_MAX),
      ]),
      [0],
    ),
  ].join('\n');
}

export function renderPools(pools: readonly SeenPool[]): string {
  if (pools.length === 0) return 'There is no pool. Finance sets one: outturn outcomes pools set --help';
  const rows = pools.flatMap((pool) =>
    pool.ceilings.map((one) => [
      pool.id,
      pool.metric,
      `${one.from} to ${one.until}`,
      withThousands(one.ceiling),
      withThousands(one.used),
      withThousands(one.left),
      pool.currency,
      one.setBy,
    ]),
  );
  return textTable(['pool', 'metric', 'window', 'ceiling', 'used', 'left', 'cur', 'set by'], rows, [3, 4, 5]);
}

function worthOf(shown: ShownOutcome): string[] {
  if (shown.claimedAt === null) return [];
  const isHarm = shown.effect === 'dis_benefit' ? ', a dis-benefit' : '';
  const range = shown.amountLow === null ? '' : ` (${shown.amountLow} to ${shown.amountHigh ?? ''})`;
  const amount = shown.amount === null ? '' : `: ${withThousands(shown.amount)} ${shown.currency ?? ''}${range}`;
  const count =
    shown.quantity === null
      ? ''
      : `; ${withThousands(shown.quantity)} ${shown.unit ?? ''} of ${shown.outcomeType ?? ''}`;
  const measure = shown.baselineMeasure;
  const measured =
    measure === null
      ? ''
      : `${measure.value} from ${measure.from} to ${measure.until}, ${measure.source}, ${measure.method}`;
  const baseline = [shown.baseline ?? '', measured].filter((text) => text !== '').join('; ');
  return [
    `${shown.basis}${shown.grossOrMargin === null ? '' : ` (${shown.grossOrMargin})`}${isHarm}${amount}${count}`,
    ...(baseline === '' ? [] : [`Baseline: ${printableLine(baseline)}`]),
    ...(shown.confidence === null
      ? []
      : [`Confidence ${shown.confidence.grade}: ${printableLine(shown.confidence.reason)}`]),
    ...(shown.pool === null ? [] : [`Pool: ${shown.pool}`]),
    ...(shown.reviewDueOn === null ? [] : [`Measured again by ${shown.reviewDueOn}`]),
    ...(shown.enabledBy.length === 0 ? [] : [`Made possible by ${shown.enabledBy.join(', ')}`]),
  ];
}

function scheduleOf({ schedule }: OutcomeView): string {
  const rows = schedule.map((row) => [
    String(row.ordinal),
    row.from,
    row.until,
    withThousands(row.amount),
    row.verdict,
    row.verifiedAmount === null ? '' : withThousands(row.verifiedAmount),
  ]);
  return textTable(['row', 'from', 'until', 'amount', 'verdict', 'verified'], rows, [0, 3, 5]);
}

function amountOf({ amount, quantity, unit, effect }: OutcomeView): string {
  if (amount === null) return quantity === null ? '' : `${withThousands(quantity)} ${unit ?? ''}`;
  return effect === 'dis_benefit' ? `-${withThousands(amount)}` : withThousands(amount);
}

function lineOf({ reason, fix }: MissingForVerification): string {
  return `  ${reason}. ${fix}`;
}

/** A state as people say it. */
export function wordsOf(state: string): string {
  return state.replaceAll('_', ' ');
}
