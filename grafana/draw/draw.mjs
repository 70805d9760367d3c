// Draws each dashboard that has answers (see collect.mjs) as a PNG, in headless Chromium. Fails if
// a page reports an error.
//   node draw.mjs answers.json folder [--time-zone Europe/Istanbul] [--width 1500]
//       [--report report.json]

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { build } from 'esbuild';

import { chromium } from './chromium.mjs';

const { values: options, positionals: [answersFile, folder] } = parseArgs({
  allowPositionals: true,
  options: {
    'time-zone': { type: 'string', default: 'Europe/Istanbul' },
    'width': { type: 'string', default: '1500' },
    // The drawn panels of each dashboard: their places, whether they have data and show it, and errors.
    'report': { type: 'string' },
  },
});

const here = fileURLToPath(new URL('.', import.meta.url));
const width = Number(options.width);
const ROW = 38;
const TOP = 45;
/** How long a page may take until nothing moves any more. */
const QUIET_WITHIN = 30_000;

/** Where Grafana's components look for their icons, and where those are in the package. */
const ICONS = '/public/build/img/icons/';
const ICONS_OF_PACKAGE = join(here, 'node_modules/@grafana/ui/dist/public/img/icons/');
/** Grafana's server has its font; no package has, and the browser takes another. */
const FONTS = '/public/fonts/';
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const work = mkdtempSync(join(tmpdir(), 'nabiz-draw-'));
const report = {};
const server = createServer(({ url }, answer) => {
  const { pathname } = new URL(url, 'http://localhost');
  if (pathname === '/favicon.ico') {
    answer.writeHead(204).end();
    return;
  }
  const file = pathname.startsWith(ICONS) ? join(ICONS_OF_PACKAGE, pathname.slice(ICONS.length)) : join(work, pathname);
  try {
    const body = readFileSync(file);
    answer.writeHead(200, { 'content-type': TYPES[extname(file)] }).end(body);
  } catch {
    answer.writeHead(404).end();
  }
});
let browser;
try {
  await new Promise((resolve, reject) => server.on('error', reject).listen(0, '127.0.0.1', resolve));
  await build({
    entryPoints: [join(here, 'page.jsx')],
    outfile: join(work, 'page.js'),
    bundle: true,
    format: 'iife',
    jsx: 'automatic',
    loader: { '.svg': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
    define: { 'process.env.NODE_ENV': '"production"', 'global': 'window' },
    // The package contains the current table of Grafana, but does not export it.
    alias: { '@grafana/ui/table': join(here, 'node_modules/@grafana/ui/dist/esm/components/Table/TableNG/TableNG.mjs') },
    logLevel: 'error',
  });
  browser = chromium({ TZ: options['time-zone'] });
  const all = JSON.parse(readFileSync(answersFile, 'utf8'));
  for (const [uid, answers] of Object.entries(all)) {
    const name = uid.replace('nabiz-', '');
    const dashboard = JSON.parse(readFileSync(join(here, `../dashboards/${name}.json`), 'utf8'));
    const script = `window.timeZone=${JSON.stringify(options['time-zone'])};window.dashboard=${JSON.stringify(dashboard)};window.answers=${JSON.stringify(answers)};`;
    writeFileSync(join(work, `${name}.js`), script);
    writeFileSync(join(work, `${name}.html`), `<!doctype html><meta charset="utf-8"><body style="margin:0;background:#111217"><link rel="stylesheet" href="page.css"><div id="root"></div><script src="${name}.js"></script><script src="page.js"></script>`);
    const height = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h)) * ROW + TOP;
    const page = await browser.open(`http://127.0.0.1:${server.address().port}/${name}.html`, width, height);
    const until = Date.now() + QUIET_WITHIN;
    // While the page loads there is nothing to ask yet.
    while (!await page.evaluate('window.isQuiet?.() ?? false')) {
      if (Date.now() > until) {
        page.faults.push('it is not drawn to the end');
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const image = resolve(folder, `${name}.png`);
    writeFileSync(image, await page.picture());
    const drawn = await page.evaluate('window.drawn?.() ?? {}');
    const faults = page.faults.filter((fault) => !fault.includes(FONTS));
    report[name] = { width, height, image, faults, ...drawn };
    await page.close();
    if (faults.length) {
      console.error(`${name}:\n${faults.join('\n')}`);
      process.exitCode = 1;
    }
    // If it is installed, the file becomes a third of the size; the picture stays the same.
    spawnSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', image, '128', '--', image]);
    console.log(image);
  }
  if (options.report) {
    writeFileSync(options.report, JSON.stringify(report, null, 1));
  }
} finally {
  await browser?.close();
  server.close();
  server.closeAllConnections();
  rmSync(work, { recursive: true, force: true });
}
