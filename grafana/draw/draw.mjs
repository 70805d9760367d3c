// Draws each dashboard of which there are answers (see collect.mjs) as a PNG, in headless Chromium.
//   node draw.mjs answers.json folder [--time-zone Europe/Istanbul] [--width 1500]

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { build } from 'esbuild';

const { values: options, positionals: [answersFile, folder] } = parseArgs({
  allowPositionals: true,
  options: { 'time-zone': { type: 'string', default: 'Europe/Istanbul' }, 'width': { type: 'string', default: '1500' } },
});

const here = fileURLToPath(new URL('.', import.meta.url));
const ROW = 38;
const TOP = 45;

const work = mkdtempSync(join(tmpdir(), 'nabiz-draw-'));
try {
  await build({
    entryPoints: [join(here, 'page.jsx')],
    outfile: join(work, 'page.js'),
    bundle: true,
    format: 'iife',
    jsx: 'automatic',
    loader: { '.svg': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
    define: { 'process.env.NODE_ENV': '"production"', 'global': 'window' },
    // The table of today's Grafana is not among the published names of the package, only in its files.
    alias: { '@grafana/ui/table': join(here, 'node_modules/@grafana/ui/dist/esm/components/Table/TableNG/TableNG.mjs') },
    logLevel: 'error',
  });
  const all = JSON.parse(readFileSync(answersFile, 'utf8'));
  for (const [uid, answers] of Object.entries(all)) {
    const name = uid.replace('nabiz-', '');
    const dashboard = JSON.parse(readFileSync(join(here, `../dashboards/${name}.json`), 'utf8'));
    const script = `window.timeZone=${JSON.stringify(options['time-zone'])};window.dashboard=${JSON.stringify(dashboard)};window.answers=${JSON.stringify(answers)};`;
    writeFileSync(join(work, 'data.js'), script);
    writeFileSync(join(work, 'page.html'), '<!doctype html><meta charset="utf-8"><body style="margin:0;background:#111217"><link rel="stylesheet" href="page.css"><div id="root"></div><script src="data.js"></script><script src="page.js"></script>');
    const height = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h)) * ROW + TOP;
    const image = resolve(folder, `${name}.png`);
    const drawn = spawnSync(process.env.NABIZ_CHROMIUM ?? 'chromium', [
      '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--allow-file-access-from-files', '--enable-logging=stderr',
      `--user-data-dir=${join(work, 'profile')}`, `--window-size=${options.width},${height}`, '--virtual-time-budget=8000', `--screenshot=${image}`,
      `file://${join(work, 'page.html')}`,
    ], { encoding: 'utf8', timeout: 120_000, env: { ...process.env, TZ: options['time-zone'] } });
    const faults = drawn.stderr.split('\n').filter((line) => line.includes('CONSOLE') && /fault|Error/.test(line));
    if (drawn.status !== 0 || faults.length) {
      console.error(`${name}: ${drawn.status}\n${faults.join('\n') || drawn.stderr.slice(-2000)}`);
      process.exitCode = 1;
    }
    // Where it is installed, the picture becomes a third of the size; without it the picture is the same.
    spawnSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', image, '128', '--', image]);
    console.log(image);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
