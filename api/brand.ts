/** The product's mark, an O that holds what was approved and what was achieved, and its name beside it: for pages that a browser shows. */

const RING = '<circle cx="9" cy="9" r="7.4" fill="#1f4e79" stroke="#7db4e0" stroke-width="2"/>';
const BARS =
  '<path d="M7 12.2V9.4M11 12.2V5.8" fill="none" stroke="#e8f1f9" stroke-width="2.2" stroke-linecap="round"/>';

/** An SVG for any ground, as a browser's tab has. */
export const MARK = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 18 18">${RING}${BARS}</svg>`;

/** An SVG for a dark ground. */
export const WORDMARK = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 118 28" width="118" height="28" role="img" aria-label="Outturn">
<g transform="translate(2 4.5)">${RING}${BARS}</g>
<text x="28" y="20" font-family="system-ui, sans-serif" font-size="18" font-weight="600" fill="#ffffff">Outturn</text></svg>`;
