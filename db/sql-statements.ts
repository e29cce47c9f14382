/**
 * Cuts a migration file into its statements, because a distributed database (Citus) takes schema changes one per call. Knows
 * PostgreSQL's quotes ('…', E'…', "…", $tag$…$tag$) and comments (--, nested block comments), inside which a semicolon ends nothing.
 * Function bodies are written as $$…$$ (`begin atomic` bodies would be cut).
 */

/** The statements in order, without their semicolons; comments stay with the statement that follows them. */
export function splitStatements(script: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let hasContent = false;
  let at = 0;
  while (at < script.length) {
    const skipped = skipToken(script, at);
    if (script[at] === ';' && skipped === at + 1) {
      if (hasContent) statements.push(script.slice(start, at).trim());
      start = skipped;
      hasContent = false;
    } else if (!isBlankOrComment(script, at)) {
      hasContent = true;
    }
    at = skipped;
  }
  if (hasContent) statements.push(script.slice(start).trim());
  return statements;
}

function isBlankOrComment(script: string, at: number): boolean {
  return script.startsWith('--', at) || script.startsWith('/*', at) || /\s/.test(script[at] ?? ' ');
}

/** The index after the quoted text, comment or single character that begins at `at`. */
function skipToken(script: string, at: number): number {
  if (script.startsWith('--', at)) return endOf(script, '\n', at + 2);
  if (script.startsWith('/*', at)) return skipBlockComment(script, at);
  const character = script[at];
  if (character === '"') return endOf(script, '"', at + 1);
  if (character === "'") return skipString(script, at, /(?:^|\W)[eE]$/.test(script.slice(Math.max(0, at - 2), at)));
  if (character === '$') {
    const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(script.slice(at, at + 64))?.[0];
    if (tag !== undefined && !/\w/.test(script[at - 1] ?? ' ')) return endOf(script, tag, at + tag.length);
  }
  return at + 1;
}

/** A doubled quote ends one string and begins the next, which comes to the same. */
function skipString(script: string, at: number, hasEscapes: boolean): number {
  let next = at + 1;
  while (next < script.length && script[next] !== "'") next += hasEscapes && script[next] === '\\' ? 2 : 1;
  return next + 1;
}

function skipBlockComment(script: string, at: number): number {
  let depth = 0;
  let next = at;
  while (next < script.length) {
    if (script.startsWith('/*', next)) {
      depth += 1;
      next += 2;
    } else if (script.startsWith('*/', next)) {
      depth -= 1;
      next += 2;
      if (depth === 0) return next;
    } else {
      next += 1;
    }
  }
  return next;
}

function endOf(script: string, terminator: string, from: number): number {
  const found = script.indexOf(terminator, from);
  return found === -1 ? script.length : found + terminator.length;
}
