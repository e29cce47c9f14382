/**
 * An event of another tool in one form, whichever tool it came from: what connectors make of a webhook, and what intake keeps. Its texts
 * are foreign: they are cut and cleaned here, and escaped wherever they are shown.
 */

export const EVENT_KINDS = ['ticket', 'deployment', 'run', 'release', 'incident', 'other'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** How an object stands by an event. A ticket is `not_planned` where it was closed without being done. */
export type ObjectStatus = 'open' | 'completed' | 'not_planned' | 'deleted' | 'succeeded' | 'failed' | 'rolled_back';

export const SCOPE_KINDS = ['repository', 'project', 'team', 'service', 'source'] as const;
export type ScopeKind = (typeof SCOPE_KINDS)[number];

/** Among the hooks of GitHub that are looked at: that of the App itself, which is no owner's. */
export const GITHUB_APP_HOOK = '@app';

/** What a mapping may know an event by. The name is folded. */
export interface EventScope {
  readonly kind: ScopeKind;
  readonly name: string;
}

/** Where an outcome may have named the object. */
export interface EventReference {
  readonly system: string;
  readonly key: string;
  readonly url: string | null;
}

export interface EventAttributes {
  readonly labels?: readonly string[];
  readonly issueType?: string | null;
  readonly references?: readonly EventReference[];
  /** The event itself says that a finished object is open again. */
  readonly isReopening?: boolean;
  /** Beside these, plain facts for figures of delivery. */
  readonly [fact: string]: unknown;
}

export interface InboundEvent {
  /** Unique per source: the same delivery again is no other. */
  readonly deliveryId: string;
  /** The change told of, by object and version: another hook that tells of the same one has the same key. */
  readonly changeKey: string;
  readonly type: string;
  readonly kind: EventKind;
  readonly objectId: string | null;
  readonly subject: string;
  readonly status: ObjectStatus | null;
  /** By the source's clock; null where it does not say: when it came. */
  readonly occurredAt: Date | null;
  /** The narrowest first; none where nobody counts such events. */
  readonly scopes: readonly EventScope[];
  readonly attributes: EventAttributes;
}

const TEXT_LENGTH_MAX = 200;
const LIST_LENGTH_MAX = 50;
/** Control characters, and those that turn the direction of what stands around them or hide in it. */
const UNSEEN = /[\p{Cc}\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]+/gu;
/** What no address has as it stands: a URL is parsed by leaving some of these out, so that the text kept would be another. */
const UNADDRESSED = /[\s\p{Cc}\p{Cf}\p{Cs}]/u;

/** Foreign text as it is kept: one line, without anything unseen, of bearable length. Empty for what is no text. */
export function cleanText(value: unknown, lengthMax = TEXT_LENGTH_MAX): string {
  if (typeof value !== 'string') return '';
  // What nobody would read to the end is not looked through to the end either.
  const line = value
    .slice(0, lengthMax * 4)
    .replace(UNSEEN, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .toWellFormed();
  return line.length > lengthMax ? `${line.slice(0, lengthMax - 1).toWellFormed()}…` : line;
}

/** As `cleanText`; null where nothing is left. */
export function cleanTextOrNull(value: unknown, lengthMax?: number): string | null {
  const text = cleanText(value, lengthMax);
  return text === '' ? null : text;
}

/** Foreign texts in a list that has an end. */
export function cleanTexts(values: unknown): string[] {
  return Array.isArray(values)
    ? values.slice(0, LIST_LENGTH_MAX).flatMap((value: unknown) => cleanTextOrNull(value) ?? [])
    : [];
}

/** A web address, or null for anything else: what is kept as one may be shown as a link. */
export function cleanAddress(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 1_000 || UNADDRESSED.test(value) || !URL.canParse(value)) return null;
  return /^https?:$/.test(new URL(value).protocol) ? value : null;
}

/** A date with its time and zone: without one it would be another instant on another machine, and "1" a day of 2001. */
const INSTANT = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,12})?(?:Z|[+-]\d{2}:?\d{2})$/i;

/** The instant a source names, as text or in milliseconds; null for what is none. */
export function readInstant(value: unknown): Date | null {
  if (typeof value !== 'number' && !(typeof value === 'string' && INSTANT.test(value))) return null;
  const at = new Date(typeof value === 'string' ? value.toUpperCase() : value);
  const year = at.getUTCFullYear();
  return Number.isNaN(at.getTime()) || year < 2000 || year > 2200 ? null : at;
}

/** A scope with its name folded; none for a name that is missing. */
export function scopeOf(kind: ScopeKind, name: unknown): EventScope[] {
  const folded = cleanText(typeof name === 'number' ? String(name) : name).toLowerCase();
  return folded === '' ? [] : [{ kind, name: folded }];
}

/** An object of foreign JSON, of which nothing is known. */
export type Part = Readonly<Record<string, unknown>>;

/** A part of foreign JSON as an object; empty for what is none. */
export function partOf(value: unknown): Part {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** A part of foreign JSON as a list; empty for what is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A foreign id as text; null for what is none. */
export function idOf(value: unknown): string | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return cleanTextOrNull(value);
}
