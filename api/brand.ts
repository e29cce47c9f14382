/** The product's mark, an O whose turn goes up and to the right, and its name beside it: for pages that a browser shows. */

const TURN =
  '<path d="M10.2 4.5A5.8 5.8 0 1 0 14 8.4" fill="none" stroke="#7db4e0" stroke-width="2.2" stroke-linecap="round"/>';
const ARROW =
  '<path d="M8.4 10L15.6 2.8M11 2.5H16V7.5" fill="none" stroke="#e8f1f9" stroke-width="1.9" stroke-linecap="round"/>';

/** An SVG for a dark ground. */
export const MARK = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 18 18">${TURN}${ARROW}</svg>`;

/** An SVG for a dark ground. */
export const WORDMARK = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 118 28" width="118" height="28" role="img" aria-label="Outturn">
<g transform="translate(2 4.5)">${TURN}${ARROW}</g>
<text x="28" y="20" font-family="system-ui, sans-serif" font-size="18" font-weight="600" fill="#ffffff">Outturn</text></svg>`;
