/** What gates the verification of a statement must mean where it is given: baseline, confidence, pool, review, evidence, enablers. */
import { decimal, isDecimalText } from '../../kernel/decimal.ts';
import { isIsoDate } from '../../kernel/period.ts';
import { EVIDENCE_TITLE_LENGTH_MAX } from '../../evidence/evidence.ts';
import { isWebAddress, NO_WEB_ADDRESS } from '../../evidence/web-address.ts';
import { didYouMean, listWords } from '../../organisation/suggestion.ts';
import { faultOfFigure } from './check-figure.ts';
import type { OutcomeContext, Report } from './checked-outcome.ts';
import {
  CONFIDENCE_GRADES,
  EFFECTS,
  type EvidenceLink,
  type NOTHING_FURTHER,
  type OutcomeContent,
} from '../outcome.ts';
import type { RawOutcome } from './raw-outcome.ts';

/** The fields of a content that a claim can do without. */
export function checkRecord(
  raw: RawOutcome,
  context: OutcomeContext,
  report: Report,
): Pick<OutcomeContent, keyof typeof NOTHING_FURTHER> {
  if (raw.effect !== '' && !EFFECTS.some((effect) => effect === raw.effect)) {
    report('effect', `"${raw.effect}" is not an effect`, `Use ${listWords(EFFECTS)}, or leave it empty.`);
  }
  if (raw.ownBillBaseline !== '' && raw.ownBillBaseline !== 'yes' && raw.ownBillBaseline !== 'no') {
    const fix = 'Write yes where the baseline is spend in our own bills, else no.';
    report('ownBillBaseline', `"${raw.ownBillBaseline}" is neither yes nor no`, fix);
  }
  if (raw.reviewDueOn !== '' && (!isIsoDate(raw.reviewDueOn) || raw.reviewDueOn <= raw.deliveredOn)) {
    const fix = 'Write the day by which it is measured again as YYYY-MM-DD, after its delivery.';
    report('reviewDueOn', `"${raw.reviewDueOn}" is not a day of review`, fix);
  }
  checkAddresses(raw, report);
  return {
    effect: raw.effect === 'dis_benefit' ? 'dis_benefit' : 'benefit',
    baselineMeasure: checkMeasure(raw, report),
    isOwnBillBaseline: raw.ownBillBaseline === '' ? null : raw.ownBillBaseline === 'yes',
    confidence: checkConfidence(raw, report),
    poolId: checkPool(raw, context, report),
    reviewDueOn: raw.reviewDueOn === '' ? null : raw.reviewDueOn,
    enabledBy: checkEnablers(raw, context, report),
  };
}

/** The links given, the address of the evidence first; each address once. */
export function linksOf({ evidenceUrl, evidence }: RawOutcome): EvidenceLink[] {
  const first = evidenceUrl === '' ? [] : [{ uri: evidenceUrl, title: null, sha256: null }];
  return [...new Map([...evidence, ...first].map((link) => [link.uri, link])).values()];
}

/** As JSON text: what is wrong with an address may be a sign that nobody sees. */
function checkAddresses({ evidenceUrl, evidence, references }: RawOutcome, report: Report): void {
  const { reason, fix } = NO_WEB_ADDRESS;
  if (evidenceUrl !== '' && !isWebAddress(evidenceUrl)) {
    report('evidenceUrl', `${JSON.stringify(evidenceUrl)} ${reason}`, fix);
  }
  for (const [position, { uri, title }] of evidence.entries()) {
    if (!isWebAddress(uri)) report('evidence', `${JSON.stringify(uri)}, number ${position + 1}, ${reason}`, fix);
    if ((title?.length ?? 0) > EVIDENCE_TITLE_LENGTH_MAX) {
      report(
        'evidence',
        `the title of number ${position + 1} is too long`,
        `It has at most ${EVIDENCE_TITLE_LENGTH_MAX} characters.`,
      );
    }
  }
  for (const { url } of references) {
    if (url !== null && !isWebAddress(url)) report('references', `${JSON.stringify(url)} ${reason}`, fix);
  }
}

function checkMeasure(raw: RawOutcome, report: Report): OutcomeContent['baselineMeasure'] {
  const parts = {
    baselineValue: raw.baselineValue,
    baselineFrom: raw.baselineFrom,
    baselineUntil: raw.baselineUntil,
    baselineSource: raw.baselineSource,
    baselineMethod: raw.baselineMethod,
  };
  const missing = (Object.keys(parts) as (keyof typeof parts)[]).filter((part) => parts[part] === '');
  if (missing.length === 5) return null;
  const [first] = missing;
  if (first !== undefined) {
    const fix = 'A measured baseline has value, period, source and method; else describe it in words.';
    report(first, 'it is missing to the measured baseline', fix);
    return null;
  }
  if (!isDecimalText(raw.baselineValue)) {
    report('baselineValue', `"${raw.baselineValue}" is not a number`, 'Write digits with a point.');
    return null;
  }
  const tooLong = faultOfFigure(decimal(raw.baselineValue));
  if (tooLong !== null) {
    report('baselineValue', tooLong.reason, tooLong.fix);
    return null;
  }
  if (!isIsoDate(raw.baselineFrom) || !isIsoDate(raw.baselineUntil) || raw.baselineUntil <= raw.baselineFrom) {
    const reason = `"${raw.baselineFrom}" to "${raw.baselineUntil}" is not a period`;
    report('baselineFrom', reason, 'Write both days as YYYY-MM-DD; the end is exclusive.');
    return null;
  }
  return {
    value: decimal(raw.baselineValue),
    from: raw.baselineFrom,
    until: raw.baselineUntil,
    source: raw.baselineSource,
    method: raw.baselineMethod,
  };
}

function checkConfidence(raw: RawOutcome, report: Report): OutcomeContent['confidence'] {
  if (raw.confidence === '' && raw.confidenceReason === '') return null;
  const grade = CONFIDENCE_GRADES.find((known) => known === raw.confidence);
  if (grade === undefined) {
    report('confidence', `"${raw.confidence}" is not a grade`, `Use ${listWords(CONFIDENCE_GRADES)}.`);
    return null;
  }
  if (raw.confidenceReason === '') {
    report('confidenceReason', 'the confidence has no reason', 'Say in a line why it is this grade.');
  }
  return { grade, reason: raw.confidenceReason };
}

function checkPool(raw: RawOutcome, { poolCurrencies }: OutcomeContext, report: Report): string | null {
  if (raw.pool === '') return null;
  const currency = poolCurrencies.get(raw.pool);
  if (currency === undefined) {
    const fix = didYouMean(raw.pool, poolCurrencies.keys()) ?? 'Finance sets pools and their ceilings first.';
    report('pool', `"${raw.pool}" is no pool`, fix);
  } else if (raw.amount === '') {
    report('pool', `pool "${raw.pool}" holds amounts, and this has none`, 'Give an amount, or leave the pool out.');
  } else if (raw.currency !== currency) {
    report('pool', `pool "${raw.pool}" is in ${currency}, not in "${raw.currency}"`, `Give the amount in ${currency}.`);
  }
  return raw.pool;
}

function checkEnablers(raw: RawOutcome, { pods }: OutcomeContext, report: Report): string[] {
  for (const pod of raw.enabledBy) {
    if (!pods.has(pod)) {
      const fix = didYouMean(pod, pods.keys()) ?? 'Add the pod to the organisation file and apply it first.';
      report('enabledBy', `"${pod}" is no pod of the organisation`, fix);
    } else if (raw.shares.some((share) => share.pod === pod)) {
      report('enabledBy', `pod "${pod}" has a share already`, 'A pod either has a share or made it possible.');
    }
  }
  return [...new Set(raw.enabledBy)].sort();
}
