/**
 * Sentences that name what to do next in the words of whoever asked: the command line has options and commands, a request has fields and
 * routes. One sentence is written once, with both names where they differ.
 */

/** One thing by its two names. */
export interface Naming {
  readonly commandLine: string;
  readonly http: string;
}

/** A sentence in both forms. */
export type Wording = Naming;

/** An option by its field's name: `withPredecessors` is `--with-predecessors` and `"withPredecessors"`. */
export function option(field: string): Naming {
  return {
    commandLine: `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    http: `"${field}"`,
  };
}

/** Tag of a sentence with namings among its values: `` worded`Say why with ${option('reason')}.` `` */
export function worded(texts: TemplateStringsArray, ...values: readonly (string | number | Naming)[]): Wording {
  const write = (surface: keyof Naming) =>
    texts.reduce((sentence, text, index) => {
      const value = values[index - 1] ?? '';
      return `${sentence}${typeof value === 'object' ? value[surface] : value}${text}`;
    });
  return { commandLine: write('commandLine'), http: write('http') };
}

/** The commands that sentences send people to, and their routes. */
export const COMMANDS = {
  close: (period: string): Naming => ({
    commandLine: `"outturn close ${period}"`,
    http: `POST /api/v1/statements with the period "${period}"`,
  }),
  statements: { commandLine: '"outturn statements"', http: 'GET /api/v1/statements' },
  plans: { commandLine: '"outturn plans"', http: 'GET /api/v1/plans' },
  metrics: { commandLine: '"outturn metrics"', http: 'GET /api/v1/metrics' },
  envelopes: { commandLine: '"outturn envelopes"', http: 'GET /api/v1/envelopes' },
  drift: { commandLine: '"outturn drift"', http: 'GET /api/v1/drift' },
  raises: { commandLine: '"outturn envelopes requests"', http: 'GET /api/v1/raises' },
} as const;
