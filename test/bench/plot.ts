/** A plot as an SVG file, one panel a series, time from left to right: for the README, light and dark. */

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 720;
const PANEL = 120;
const LEFT = 70;
const TOP = 26;

export function plot(title: string, series: readonly Series[]): string {
  const xMax = Math.max(1, ...series.flatMap(({ points }) => points.map(([x]) => x)));
  const height = series.length * (PANEL + TOP) + 30;
  const panels = series.map((each, i) => panel(each, i * (PANEL + TOP) + TOP, xMax));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${title}</title>`,
    '<style>text{font:12px sans-serif;fill:#444}path{fill:none;stroke:#0a6ebd;stroke-width:1.5}' +
      'line{stroke:#999;stroke-width:.5}@media(prefers-color-scheme:dark){text{fill:#ccc}' +
      'path{stroke:#5ab0f2}}</style>',
    ...panels,
    `<text x="${LEFT}" y="${height - 8}">0 s</text>`,
    `<text x="${WIDTH - 10}" y="${height - 8}" text-anchor="end">${Math.round(xMax)} s</text>`,
    '</svg>\n',
  ].join('\n');
}

function panel({ name, points }: Series, top: number, xMax: number): string {
  const yMax = Math.max(1, ...points.map(([, y]) => y));
  const at = ([x, y]: readonly [number, number]): string => {
    const across = LEFT + (x / xMax) * (WIDTH - LEFT - 10);
    return `${across.toFixed(1)},${(top + PANEL - (y / yMax) * PANEL).toFixed(1)}`;
  };
  const floor = top + PANEL;
  return [
    `<text x="${LEFT}" y="${top - 8}">${name}</text>`,
    `<text x="${LEFT - 6}" y="${top + 10}" text-anchor="end">${Math.round(yMax).toLocaleString('en')}</text>`,
    `<text x="${LEFT - 6}" y="${floor}" text-anchor="end">0</text>`,
    `<line x1="${LEFT}" y1="${floor}" x2="${WIDTH - 10}" y2="${floor}"/>`,
    `<path d="M${points.map(at).join('L')}"/>`,
  ].join('\n');
}
