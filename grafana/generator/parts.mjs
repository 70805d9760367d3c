// The parts of the dashboards: selectors, queries, panels and their places.

/** Address, name and question of each dashboard. Links follow this order. */
export const DASHBOARDS = {
  operations: { uid: 'nabiz-operations', title: 'Operations', asks: 'What needs attention now?', live: true },
  queue: { uid: 'nabiz-queue', title: 'Queue', asks: 'Why is this queue late?', live: true },
  channels: { uid: 'nabiz-channels', title: 'Channels', asks: 'What do citizens use, and what do we owe them?', live: true },
  serviceLevels: { uid: 'nabiz-service-levels', title: 'Service levels', asks: 'Do we meet our targets?', live: false },
  capacity: { uid: 'nabiz-capacity', title: 'Capacity', asks: 'How many agents, on which day, at which time?', live: false },
  planning: { uid: 'nabiz-planning', title: 'Planning', asks: 'How many agents does a week need, and how many are there?', live: false },
  pipeline: { uid: 'nabiz-pipeline', title: 'Pipeline', asks: 'Are the numbers current and complete?', live: true },
};

const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' };
const INFINITY = { type: 'yesoreyeram-infinity-datasource', uid: '${history}' };

// ---- Selectors and expressions ----

const PROCESS = 'job=~"$job", instance=~"$instance"';

const selector = (metric, ...labels) => `${metric}{${[PROCESS, ...labels].join(', ')}}`;

/** A metric of the process, or of a topic, an entry point or a unit. */
export const m = selector;

/** A metric of the selected queues and channels. */
export const visits = (metric, ...labels) => selector(metric, 'queue=~"$queue"', 'channel=~"$channel"', ...labels);

/** A metric of the selected queues that has no channel. */
export const queues = (metric, ...labels) => selector(metric, 'queue=~"$queue"', ...labels);

/** A window metric of the selected queues and channels, for the selected window. */
export const inWindow = (metric, ...labels) => visits(metric, 'window="$window"', ...labels);

/** The sum over partitions and instances, by the labels that stay. */
export const sum = (by, expr) => (by ? `sum by (${by}) (${expr})` : `sum(${expr})`);
export const max = (by, expr) => (by ? `max by (${by}) (${expr})` : `max(${expr})`);

/** Events a minute, from a counter. */
export const perMinute = (by, counter) => `60 * ${sum(by, `rate(${counter}[$__rate_interval])`)}`;

/** Events in the period that the dashboard shows. */
export const inRange = (by, counter) => sum(by, `increase(${counter}[$__range])`);

/** A quotient that is absent, and not NaN, where the divisor is 0. */
export const ratio = (part, whole) => `(${part})\n/\n(${whole} > 0)`;

const info = () => `max by (queue, channel, name) (${visits('nabiz_queue_info')})`;

/** Adds the display name of the queue to an expression by queue and channel. */
export const named = (expr) => `(${expr})\n* on (queue, channel) group_left (name)\n${info()}`;

/** Gives an expression by queue a row for each channel of the queue, so that tables can merge it. */
export const perChannel = (expr) => `max by (queue, channel) (${visits('nabiz_queue_info')})\n* on (queue) group_left ()\n(${expr})`;

/** The target of each queue and channel; the same from every instance. */
export const target = (metric) => max('queue, channel', visits(metric));

/** A quantile of a histogram. Without values it would be NaN: the comparison makes it absent. */
export const quantile = (q, histogram) => `histogram_quantile(${q}, ${histogram}) >= 0`;

/** How old the numbers are: the clock less the stream time of the slowest partition. */
export const AGE = `time() - min(${m('nabiz_stream_time_timestamp_seconds')})`;

// ---- Queries ----

/** A range query, for a graph. */
export const series = (refId, expr, legendFormat) => ({
  refId, datasource: PROMETHEUS, editorMode: 'code', expr, range: true, instant: false, legendFormat,
});

/** An instant query, for a single value. */
export const value = (refId, expr, legendFormat = '') => ({
  refId, datasource: PROMETHEUS, editorMode: 'code', expr, range: false, instant: true, legendFormat,
});

/** An instant query, for rows of a table. */
export const rows = (refId, expr) => ({ ...value(refId, expr), format: 'table' });

/** Native histograms, for a heat map. */
export const cells = (refId, expr) => ({ ...series(refId, expr, ''), format: 'heatmap' });

/** Rows of the interval history by the parameters of its API. `columns` are [column, name, type]. */
export const historyOf = (refId, parameters, columns) => ({
  refId,
  datasource: INFINITY,
  type: 'json',
  source: 'url',
  parser: 'backend',
  format: 'table',
  url: `/api/v1/history?${parameters}&format=json`,
  url_options: { method: 'GET', data: '' },
  root_selector: '',
  columns: columns.map(([selector, text, type]) => ({ selector, text, type })),
  filters: [],
});

const OF_PERIOD = 'from=${__from:date:iso}&to=${__to:date:iso}';
const OF_QUEUE = 'queue=${queue:percentencode}';

/** Rows of the interval history of one queue. */
export const history = (refId, step, columns) => historyOf(refId, `${OF_PERIOD}&step=${step}&${OF_QUEUE}`, columns);

/** The usual week of one queue. */
export const usualWeek = (refId, step, columns) => historyOf(refId, `${OF_PERIOD}&step=${step}&${OF_QUEUE}&by=queue&profile=week&fill=open`, columns);

/** The headline of the year in which the period ends. */
export const headlineOfYear = (refId, columns) => historyOf(refId, 'year=${__to:date:YYYY}', columns);

/** Steps of the plan of one queue, for the week from the beginning of the period. */
export const planned = (refId, step, columns) => ({
  ...history(refId, step, columns),
  url: `/api/v1/plan?from=\${__from:date:YYYY-MM-DD}&step=${step}&queue=\${queue:percentencode}&format=json`,
  root_selector: 'queues.0.steps',
});

// ---- Looks ----

export const GREEN = 'green';
export const ORANGE = 'orange';
export const RED = 'red';

/** Colours from thresholds: the first without a bound, then [from, colour]. */
export const steps = (base, ...more) => ({
  mode: 'absolute',
  steps: [{ color: base, value: null }, ...more.map(([value, color]) => ({ value, color }))],
});

/** Draws the series of a query as the dashed line of a target. */
export const targetLine = (refId) => ({
  matcher: { id: 'byFrameRefID', options: refId },
  properties: [
    { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
    { id: 'custom.lineWidth', value: 1 },
    { id: 'custom.fillOpacity', value: 0 },
    { id: 'color', value: { mode: 'fixed', fixedColor: 'text' } },
  ],
});

/** A fixed colour for a series, by its name. */
export const coloured = (name, color, more = []) => ({
  matcher: { id: 'byName', options: name },
  properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }, ...more],
});

/** Properties of a column of a table, or of one of several values. */
export const field = (name, properties) => ({
  matcher: { id: 'byName', options: name },
  properties: Object.entries(properties).map(([id, value]) => ({ id, value })),
});

export const cellColour = (thresholds) => ({
  'custom.cellOptions': { type: 'color-background', mode: 'basic' },
  'color': { mode: 'thresholds' },
  // Without a value there is nothing to warn of.
  'mappings': [{ type: 'special', options: { match: 'null+nan', result: { text: '–', color: 'transparent' } } }],
  thresholds,
});

/** Leads from a row to the dashboard of its queue. */
export const TO_QUEUE = [{
  title: 'This queue in depth',
  url: '/d/nabiz-queue?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}'
    + '&var-queue=${__data.fields.queue}&var-channel=${__data.fields.channel}&${__url_time_range}',
}];

// ---- Panels ----

const panel = (type, title, description, targets, unit, options, more) => {
  const { custom, noValue, thresholds, overrides = [], decimals, min, max, color, mappings, transformations, interval, links } = more;
  const defaults = { unit, noValue: noValue ?? 'No data', custom, thresholds, decimals, min, max, color, mappings, links };
  return {
    type, title, description,
    datasource: targets[0].datasource,
    targets, interval, transformations,
    fieldConfig: { defaults, overrides },
    options,
  };
};

/** One number, or a few, in large type. */
export const stat = (title, description, targets, unit, more = {}) => panel('stat', title, description, targets, unit, {
  reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  orientation: 'auto',
  textMode: more.textMode ?? 'auto',
  colorMode: 'value',
  graphMode: 'none',
  justifyMode: 'auto',
  wideLayout: true,
  showPercentChange: false,
  percentChangeColorMode: 'standard',
}, { ...more, color: { mode: 'thresholds' }, thresholds: more.thresholds ?? steps('text') });

/** Lines over time. `more.stack` stacks them. */
export const graph = (title, description, targets, unit, more = {}) => panel('timeseries', title, description, targets, unit, {
  legend: { displayMode: more.legend ?? 'list', placement: more.placement ?? 'bottom', showLegend: true, calcs: more.calcs ?? [] },
  tooltip: { mode: 'multi', sort: 'desc' },
}, {
  min: 0,
  color: { mode: 'palette-classic' },
  ...more,
  custom: {
    drawStyle: 'line',
    lineWidth: more.stack ? 0 : 2,
    fillOpacity: more.stack ? 60 : 0,
    showPoints: 'auto',
    spanNulls: false,
    stacking: { mode: more.stack ? 'normal' : 'none', group: 'A' },
    ...more.custom,
  },
});

/** Rows and columns. */
export const table = (title, description, targets, unit, more = {}) => panel('table', title, description, targets, unit, {
  showHeader: true,
  cellHeight: 'sm',
  frameIndex: 0,
  sortBy: more.sortBy ?? [],
}, { ...more, custom: { align: 'auto', filterable: false, minWidth: 90, wrapHeaderText: true, ...more.custom } });

/** A bar for each row of a query, in the order of the label `by`. */
export const bars = (title, description, target, by, unit, more = {}) => panel('bargauge', title, description, [target], unit, {
  reduceOptions: { calcs: [], fields: '', values: true },
  orientation: 'horizontal',
  displayMode: 'basic',
  valueMode: 'color',
  namePlacement: 'left',
  showUnfilled: true,
  sizing: 'auto',
  minVizWidth: 8,
  minVizHeight: 16,
  maxVizHeight: 40,
  legend: { showLegend: false, displayMode: 'hidden', placement: 'bottom', calcs: [] },
}, { min: 0, transformations: [{ id: 'sortBy', options: { fields: {}, sort: [{ field: by, desc: false }] } }], ...more });

/** How a distribution moves over time. */
export const heatmap = (title, description, targets, unit, more = {}) => panel('heatmap', title, description, targets, unit, {
  calculate: false,
  cellGap: 0,
  color: { mode: 'scheme', scheme: 'Oranges', scale: 'exponential', exponent: 0.5, fill: 'dark-orange', reverse: false, steps: 64 },
  exemplars: { color: 'rgba(255,0,255,0.7)' },
  filterValues: { le: 1e-9 },
  legend: { show: true },
  showValue: 'never',
  tooltip: { mode: 'single', yHistogram: true, showColorScale: true },
  yAxis: { axisPlacement: 'left', unit, min: 0, reverse: false },
}, more);

/** The age of the numbers. The page of nabiz calls them stale at the same age. */
export const age = () => stat('Age of the numbers',
  'The clock minus the stream time of the slowest partition. The numbers on this dashboard were true that long ago. Beyond 30 s look at the dashboard Pipeline before you trust the rest.',
  [value('A', AGE)], 's', {
    thresholds: steps(GREEN, [15, ORANGE], [30, RED]), decimals: 0, noValue: 'No stream time: is nabiz up?',
  });

/** Merges instant queries by their labels and orders the columns: [query or label, name, properties]. */
export const columns = (...list) => {
  const queries = list.filter(([key]) => key.length === 1);
  // Grafana numbers the values only where there are several queries.
  const source = (key) => (key.length > 1 ? key : queries.length > 1 ? `Value #${key}` : 'Value');
  return {
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true, ...Object.fromEntries(list.filter(([, name]) => !name).map(([key]) => [source(key), true])) },
          indexByName: Object.fromEntries(list.map(([key], index) => [source(key), index])),
          renameByName: Object.fromEntries(list.filter(([key, name]) => name && source(key) !== name).map(([key, name]) => [source(key), name])),
        },
      },
    ],
    overrides: list.filter(([, , properties]) => properties).map(([, name, properties]) => field(name, properties)),
  };
};

// ---- The dashboard ----

/** A heading over the panels that follow. */
export const heading = (title) => ({ height: 1, heading: title });

/** Panels side by side: `height`, then [width, panel] that fill 24 columns. */
export const row = (height, ...panels) => ({ height, panels });

const place = (layout) => {
  const placed = [];
  let y = 0;
  for (const { height, panels, heading } of layout) {
    if (heading) {
      placed.push({ type: 'row', id: placed.length + 1, title: heading, collapsed: false, gridPos: { x: 0, y, w: 24, h: 1 }, panels: [] });
    }
    let x = 0;
    for (const [width, one] of panels ?? []) {
      placed.push({ id: placed.length + 1, ...one, gridPos: { x, y, w: width, h: height } });
      x += width;
    }
    y += height;
  }
  return placed;
};

const ALL = { text: 'All', value: '$__all' };

const query = (name, label, description, query, more = {}) => ({
  type: 'query', name, label, description, datasource: PROMETHEUS,
  query: { query, refId: 'StandardVariableQuery' },
  refresh: 2, sort: 5, regex: '', hide: 0,
  multi: true, includeAll: true, allValue: '.+', current: ALL,
  ...more,
});

const source = (name, label, description, plugin) => ({
  type: 'datasource', name, label, description, query: plugin, regex: '', refresh: 1, hide: 0, multi: false, includeAll: false, options: [],
});

const QUEUES = `query_result(max by (queue, name) (nabiz_queue_info{${PROCESS}, channel=~"$channel"}))`;
const BY_NAME = '/[{,]name="(?<text>[^"]+)|[{,]queue="(?<value>[^"]+)/g';

export const variables = {
  datasource: source('datasource', 'Metrics', 'The Prometheus that scrapes nabiz', 'prometheus'),
  history: source('history', 'History', 'The Infinity data source that reads the interval history of nabiz', 'yesoreyeram-infinity-datasource'),
  /** One at a time: two contact centres may have queues of the same name. */
  job: query('job', 'Job', 'Scrape job of nabiz', 'label_values(nabiz_build_info, job)', {
    multi: false, includeAll: false, allValue: undefined, current: undefined,
  }),
  instance: query('instance', 'Instance', 'Process of nabiz', 'label_values(nabiz_build_info{job=~"$job"}, instance)'),
  /** Channels. Phone and chat are selected by default, because there a person waits on the line. */
  channel: query('channel', 'Channel', 'Channels; on phone and chat a person waits on the line', `label_values(nabiz_queue_info{${PROCESS}}, channel)`, {
    current: { text: ['phone', 'chat'], value: ['phone', 'chat'] },
  }),
  /** All channels, for dashboards of one queue. */
  anyChannel: query('channel', 'Channel', 'Channels of the queue', `label_values(nabiz_queue_info{${PROCESS}}, channel)`),
  queue: query('queue', 'Queue', 'Queues of the selected channels', QUEUES, { regex: BY_NAME }),
  oneQueue: query('queue', 'Queue', 'The queue to show', QUEUES, {
    regex: BY_NAME, multi: false, includeAll: false, allValue: undefined, current: undefined,
  }),
  window: query('window', 'Window', 'Window of the live numbers', `label_values(nabiz_window_offered{${PROCESS}}, window)`, {
    multi: false, includeAll: false, allValue: undefined, sort: 7, current: { text: '15m', value: '15m' },
  }),
};

const links = (here) => Object.values(DASHBOARDS).filter(({ uid }) => uid !== here.uid).map(({ uid, title, asks, live }) => ({
  type: 'link', title, tooltip: asks, url: `/d/${uid}`, icon: 'dashboard', tags: [], asDropdown: false, targetBlank: false,
  includeVars: true,
  // Months of planning and the last three hours are different questions: only links between live
  // dashboards keep the period.
  keepTime: live && here.live,
}));

const alerts = (name, severity, iconColor, which) => ({
  name, enable: true, hide: false, iconColor, datasource: PROMETHEUS,
  target: {
    refId: 'Anno', interval: '60s',
    expr: `ALERTS{alertstate="firing", alertname=~"Nabiz.*", severity="${severity}", job=~"$job"${which}}`,
  },
  titleFormat: '{{alertname}}',
  textFormat: '{{queue}} {{channel}} {{unit}} {{instance}}',
  tagKeys: 'severity',
});

/** A whole dashboard. `which` narrows the alerts that are marked in the graphs. */
export const dashboard = (here, description, { variables, from, to = 'now', refresh, layout, which = '' }) => ({
  uid: here.uid,
  title: `nabiz: ${here.title}`,
  description,
  tags: ['nabiz'],
  schemaVersion: 42,
  version: 1,
  editable: false,
  graphTooltip: 1,
  timezone: 'browser',
  weekStart: '',
  fiscalYearStartMonth: 0,
  liveNow: false,
  refresh,
  time: { from, to },
  timepicker: {},
  links: links(here),
  templating: { list: variables },
  annotations: { list: [alerts('Critical alerts', 'critical', 'red', which), alerts('Warnings', 'warning', 'orange', which)] },
  panels: place(layout),
});
