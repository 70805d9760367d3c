// Prints, in OpenMetrics, the series that Prometheus would have recorded over the interval history of
// a nabiz, so that dashboards of months can be drawn without waiting for months:
//   node months.mjs --nabiz URL --from 2026-10-27 --to 2026-11-24 > months.om
//   promtool tsdb create-blocks-from openmetrics months.om data

import { parseArgs } from 'node:util';

const { values: options } = parseArgs({ options: { nabiz: { type: 'string', default: 'http://127.0.0.1:9464' }, from: { type: 'string' }, to: { type: 'string' } } });

const STEP = 900;
const QUARTERS = { '10m': 1, '30m': 2, '1h': 4, '2h': 8, '6h': 24, '1d': 96, '2d': 192 };

const { queues } = await (await fetch(`${options.nabiz}/api/v1/queues`)).json();
const names = new Map(queues.map(({ queue, name }) => [queue, name]));
const answer = await fetch(`${options.nabiz}/api/v1/history?from=${options.from}&to=${options.to}&step=15m&format=json`);
const rows = await answer.json();
const at = ({ end }) => Math.round(Date.parse(end) / 1000 / STEP) * STEP;
const first = Math.min(...rows.map(at));
const last = Math.max(...rows.map(at));
const length = (last - first) / STEP + 1;

/** Sums over the windows of the recording rules: [name, labels beside queue and channel, column]. */
const SUMS = [
  ['nabiz_visits_offered', '', 'offered'], ['nabiz_visits_answered', '', 'answered'], ['nabiz_visits_abandoned', '', 'abandoned'],
  ['nabiz_handle_seconds_sum', '', 'handle_sum_seconds'], ['nabiz_handle_seconds_count', '', 'handled'],
  ['nabiz_wait_seconds_sum', ',outcome="answered"', 'wait_sum_seconds'], ['nabiz_wait_seconds_count', ',outcome="answered"', 'answered'],
  ['nabiz_service_level_met', '', 'service_level_met'], ['nabiz_service_level_missed', '', 'service_level_missed'],
  ...['available', 'busy', 'wrap_up', 'paused'].map((state) => ['nabiz_agent_seconds', `,state="${state}"`, `agent_${state}_seconds`]),
];

const series = new Map();
for (const row of rows) {
  const key = `queue="${row.queue}",channel="${row.channel}"`;
  if (!series.has(key)) {
    series.set(key, { target: row.target_service_level, columns: Object.fromEntries(SUMS.map(([, , column]) => [column, new Float64Array(length)])) });
  }
  series.get(key).target ??= row.target_service_level;
  for (const [column, values] of Object.entries(series.get(key).columns)) {
    values[(at(row) - first) / STEP] += row[column] ?? 0;
  }
}

const families = new Map();
const add = (name, labels, index, value) => {
  if (!families.has(name)) {
    families.set(name, []);
  }
  families.get(name).push(`${name}{job="nabiz",${labels}} ${value} ${first + index * STEP}`);
};

for (const [key, { target, columns }] of series) {
  const before = Object.fromEntries(Object.entries(columns).map(([column, values]) => {
    const total = new Float64Array(length + 1);
    values.forEach((value, index) => { total[index + 1] = total[index] + value; });
    return [column, total];
  }));
  for (let index = 0; index < length; index += 1) {
    add('nabiz_queue_info', `instance="nabiz:9464",${key},name="${names.get(key.match(/queue="(.*?)"/)[1])}"`, index, 1);
    if (target !== null) {
      add('queue:nabiz_target_service_level_ratio:max', key, index, target);
    }
    add('shard:nabiz_service_level_met_total:max', key, index, before.service_level_met[index + 1]);
    add('shard:nabiz_service_level_missed_total:max', key, index, before.service_level_missed[index + 1]);
    for (const [window, quarters] of Object.entries(QUARTERS)) {
      const of = (column) => before[column][index + 1] - before[column][Math.max(0, index + 1 - quarters)];
      if (window === '1d' || window === '30m') {
        for (const [name, labels, column] of SUMS) {
          // Agent time stands in the rows of one channel of the queue.
          if (name === 'nabiz_agent_seconds' && !before[column][length]) {
            continue;
          }
          add(`queue:${name}:increase${window}`, name === 'nabiz_agent_seconds' ? `${key.split(',')[0]}${labels}` : key + labels, index, of(column));
        }
      }
      const events = of('service_level_met') + of('service_level_missed');
      add(`queue:nabiz_service_level_events:increase${window}`, key, index, events);
      if (events > 0) {
        add(`queue:nabiz_service_level_missed_per_event:ratio_increase${window}`, key, index, of('service_level_missed') / events);
      }
    }
  }
}

// Adds the live metrics of nabiz as the last samples.
const now = await (await fetch(`${options.nabiz}/metrics`)).text();
for (const line of now.split('\n')) {
  const [, name, labels, value] = line.match(/^(nabiz_(?:window|target|queue_open|stream)\w+)\{(.*)\} (\S+)$/) ?? [];
  if (name) {
    add(name, `instance="nabiz:9464",${labels}`, length - 1, value);
  }
}

for (const [name, samples] of families) {
  console.log(`# TYPE ${name} unknown\n${[...new Set(samples)].join('\n')}`);
}
console.log('# EOF');
