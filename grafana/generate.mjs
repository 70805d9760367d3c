// Writes dashboards/*.json. With --check it writes nothing, and fails if a file differs from its
// output.
//   node grafana/generate.mjs [--check]

import { readFileSync, writeFileSync } from 'node:fs';

import capacity from './generator/capacity.mjs';
import channels from './generator/channels.mjs';
import operations from './generator/operations.mjs';
import pipeline from './generator/pipeline.mjs';
import planning from './generator/planning.mjs';
import queue from './generator/queue.mjs';
import serviceLevels from './generator/service-levels.mjs';

const check = process.argv.includes('--check');
for (const dashboard of [operations, queue, channels, serviceLevels, capacity, planning, pipeline]) {
  const file = new URL(`dashboards/${dashboard.uid.replace('nabiz-', '')}.json`, import.meta.url);
  const text = `${JSON.stringify(dashboard, null, 2)}\n`;
  if (!check) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file.pathname} is not what the generator writes; run node grafana/generate.mjs`);
    process.exitCode = 1;
  }
}
