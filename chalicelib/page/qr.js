// Draws QR codes in the browser, so their content stays there: docs/decisions/0142-codes-are-drawn-in-the-browser.md.

const SVG = 'http://www.w3.org/2000/svg';
const QUIET = 4; // light modules around a code, as the standard requires

/** Return a QR code of a text, black on white in every colour scheme. `label` describes it to screen readers. */
export async function qrCode(text, label) {
  const { encode } = await import('./uqr.js');
  const { data, size } = encode(text, { ecc: 'M', border: QUIET });
  const picture = drawn('svg', { viewBox: `0 0 ${size} ${size}`, class: 'qr', role: 'img', 'aria-label': label });
  const dark = data.flatMap((row, y) => row.flatMap((set, x) => (set ? [`M${x} ${y}h1v1h-1z`] : [])));
  picture.append(
    drawn('rect', { width: size, height: size, fill: '#fff' }),
    drawn('path', { d: dark.join(''), fill: '#000', 'shape-rendering': 'crispEdges' }),
  );
  return picture;
}

function drawn(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
