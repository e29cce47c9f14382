/**
 * The blocks that messages are made of, cut to Slack's limits. Marked-up text is `verbatim`: Slack makes links and mentions of what is written as
 * such, and of nothing that somebody wrote into a name or a reason.
 */
import {
  CONTEXT_LENGTH_MAX,
  cutEscaped,
  cutPlain,
  HEADER_LENGTH_MAX,
  onOneLine,
  SECTION_LENGTH_MAX,
} from './slack-text.ts';

/** Of escaped text. */
export function section(text: string): object {
  return { type: 'section', text: marked(text, SECTION_LENGTH_MAX) };
}

/** Of escaped text, in small print. */
export function context(text: string): object {
  return { type: 'context', elements: [marked(text, CONTEXT_LENGTH_MAX)] };
}

/** Of plain text, in which neither markup nor an emoji's name is read. */
export function header(text: string): object {
  return {
    type: 'header',
    text: { type: 'plain_text', text: cutPlain(onOneLine(text), HEADER_LENGTH_MAX), emoji: false },
  };
}

function marked(text: string, lengthMax: number): object {
  return { type: 'mrkdwn', text: cutEscaped(text, lengthMax), verbatim: true };
}
