// Writes each dashboard as a TypeScript file of its expected type; the compiler then reports each
// difference.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

const build = new URL('build/', import.meta.url);
const dashboards = new URL('../dashboards/', import.meta.url);

rmSync(build, { recursive: true, force: true });
mkdirSync(build);
for (const file of readdirSync(dashboards)) {
  const json = readFileSync(new URL(file, dashboards), 'utf8').trim();
  const text = `import type { Dashboard } from '../shapes.js';\n\nexport const dashboard: Dashboard = ${json};\n`;
  writeFileSync(new URL(file.replace('.json', '.ts'), build), text);
}
