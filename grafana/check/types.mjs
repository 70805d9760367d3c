// Writes each dashboard as a TypeScript file of the type that it must have; the compiler then says where it has not.

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
