// Asks a Prometheus, and a nabiz for its interval history, for everything that the dashboards show,
// as Grafana would, and writes the answers to a file.
//   node collect.mjs answers.json [--prometheus URL] [--nabiz URL] [--last 1h] [--to TIME]
//       [--queue fault] [--window 15m] [--scrape 15] [--only capacity]
// If time was compressed (deploy/local/compress), --factor says by how much, and --stream-time gives
// the time in the events.

import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values: options, positionals: [output] } = parseArgs({
  allowPositionals: true,
  options: {
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
    nabiz: { type: 'string', default: 'http://127.0.0.1:9464' },
    last: { type: 'string' },
    to: { type: 'string' },
    queue: { type: 'string', default: 'fault' },
    window: { type: 'string', default: '15m' },
    only: { type: 'string' },
    scrape: { type: 'string', default: '15' },
    factor: { type: 'string', default: '1' },
    'stream-time': { type: 'string' },
  },
});

const FACTOR = Number(options.factor);
const SCRAPE = Number(options.scrape) / FACTOR;
const UNITS = { s: 1, m: 60, h: 3600, d: 86400 };
const seconds = (text) => (Number(text.slice(0, -1)) * UNITS[text.at(-1)]) / FACTOR;
const duration = (seconds) => `${Math.round(seconds * 1000)}ms`;
/** Steps that Grafana rounds to, in seconds. */
const STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

const values = {
  job: '.+', instance: '.+', channel: '.+', queue: '.+', window: options.window, step: '30m',
};

/** How much of a time a form of it shows. */
const LENGTHS = { ':date:YYYY': 4, ':date:YYYY-MM-DD': 10 };

const substitute = (text, named) => Object.entries({ ...values, ...named })
  .sort(([a], [b]) => b.length - a.length)
  .reduce((all, [name, value]) => all.replaceAll(new RegExp(`\\$${name}\\b|\\$\\{${name}(:[a-zA-Z:-]+)?\\}`, 'g'), (_, form) => (form in LENGTHS ? value.slice(0, LENGTHS[form]) : value)), text);

/** The rows of an answer: the part to which the selector of the query leads. */
const rowsOf = (answer, selector) => selector.split('.').filter(Boolean).reduce((part, name) => part?.[name], answer) ?? [];

const ask = async (path, form) => {
  const answer = await fetch(`${options.prometheus}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(form) });
  const body = await answer.json();
  if (body.status !== 'success') {
    throw new Error(`${form.query}: ${body.error}`);
  }
  return body.data.result;
};

/** The queues and channels that are chosen when the dashboard opens. */
const chosen = (dashboard) => {
  const named = {};
  for (const { name, current } of dashboard.templating.list) {
    if (name === 'channel' && Array.isArray(current?.value)) {
      named.channel = current.value.join('|');
    }
    if (name === 'queue' && !current) {
      named.queue = options.queue;
    }
  }
  return named;
};

const folder = new URL('../dashboards/', import.meta.url);
const kept = existsSync(output) ? JSON.parse(readFileSync(output, 'utf8')) : {};
for (const file of readdirSync(folder)) {
  const dashboard = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  if (options.only && options.only !== file.replace('.json', '')) {
    continue;
  }
  const to = options.to ? Date.parse(options.to) / 1000 : Math.floor(Date.now() / 1000);
  const range = seconds(options.last ?? dashboard.time.from.match(/now-(\d+[smhd])/)[1]);
  const from = to - range;
  const named = chosen(dashboard);
  const panels = {};
  for (const panel of dashboard.panels.filter(({ type }) => type !== 'row')) {
    const points = panel.gridPos.w * 70;
    // Of a shorter period than the dashboard's there are a dozen points at least.
    const interval = panel.interval ? Math.min(seconds(panel.interval), options.last ? range / 12 : Infinity) : 0;
    const least = Math.max(range / points, interval, SCRAPE);
    const step = STEPS.find((step) => step >= least) ?? least;
    const all = { ...named, __range: duration(range), __rate_interval: duration(Math.max(step + SCRAPE, 4 * SCRAPE)) };
    panels[panel.id] = await Promise.all(panel.targets.map(async (target) => {
      if (target.url) {
        const end = options['stream-time'] ? Date.parse(options['stream-time']) : to * 1000;
        const begin = end - range * FACTOR * 1000;
        const url = substitute(target.url, { ...all, __from: new Date(begin).toISOString(), __to: new Date(end).toISOString() });
        const answer = await fetch(options.nabiz + url);
        if (!answer.ok && answer.status !== 404) {
          throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
        }
        return { refId: target.refId, rows: answer.ok ? rowsOf(await answer.json(), target.root_selector) : [] };
      }
      const query = substitute(target.expr, all);
      const result = target.instant
        ? await ask('query', { query, time: to })
        : await ask('query_range', { query, start: Math.floor(from / step) * step, end: to, step });
      return { refId: target.refId, step, result };
    }));
  }
  const marks = await Promise.all(dashboard.annotations.list.map(async ({ target, iconColor }) => {
    const query = substitute(target.expr, named);
    return { color: iconColor, result: await ask('query_range', { query, start: from, end: to, step: Math.max(60 / FACTOR, range / 1000) }) };
  }));
  kept[dashboard.uid] = { from: from * 1000, to: to * 1000, values: { ...values, ...named }, panels, marks };
  console.log(dashboard.uid, Object.values(panels).flat().length, 'answers');
}
writeFileSync(output, JSON.stringify(kept));
