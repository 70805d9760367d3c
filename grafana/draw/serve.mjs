// Serves a page for each dashboard that has answers (see collect.mjs), with Grafana's own components,
// until its standard input ends. Prints one line of JSON when all is ready: name, url, width and
// height of each page. crates/dev/src/dashboards.rs opens them.
//   node serve.mjs answers.json [--time-zone Europe/Istanbul] [--width 1500]

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { build } from 'esbuild';

const { values: options, positionals: [answersFile] } = parseArgs({
  allowPositionals: true,
  options: {
    'time-zone': { type: 'string', default: 'Europe/Istanbul' },
    'width': { type: 'string', default: '1500' },
  },
});

const here = fileURLToPath(new URL('.', import.meta.url));
const width = Number(options.width);
const ROW = 38;
const TOP = 45;

/** Where Grafana's components look for their icons, and where those are in the package. */
const ICONS = '/public/build/img/icons/';
const ICONS_OF_PACKAGE = join(here, 'node_modules/@grafana/ui/dist/public/img/icons/');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const work = mkdtempSync(join(tmpdir(), 'nabiz-draw-'));
const pages = [];
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
  const all = JSON.parse(readFileSync(answersFile, 'utf8'));
  for (const [uid, answers] of Object.entries(all)) {
    const name = uid.replace('nabiz-', '');
    const dashboard = JSON.parse(readFileSync(join(here, `../dashboards/${name}.json`), 'utf8'));
    const script = `window.timeZone=${JSON.stringify(options['time-zone'])};window.dashboard=${JSON.stringify(dashboard)};window.answers=${JSON.stringify(answers)};`;
    writeFileSync(join(work, `${name}.js`), script);
    writeFileSync(join(work, `${name}.html`), `<!doctype html><meta charset="utf-8"><body style="margin:0;background:#111217"><link rel="stylesheet" href="page.css"><div id="root"></div><script src="${name}.js"></script><script src="page.js"></script>`);
    const height = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h)) * ROW + TOP;
    pages.push({ name, url: `http://127.0.0.1:${server.address().port}/${name}.html`, width, height });
  }
  console.log(JSON.stringify(pages));
  await new Promise((resolve) => process.stdin.on('end', resolve).resume());
} finally {
  server.close();
  server.closeAllConnections();
  rmSync(work, { recursive: true, force: true });
}
