// Turns answers into the data frames that Grafana's data sources would make of them.

import { FieldType, createDataFrame, formatLabels } from '@grafana/data';

const number = (text) => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));

const time = (values) => ({ name: 'Time', type: FieldType.time, config: {}, values });

/** Points every step, with a gap where there is none. */
const regular = (pairs, step, read) => {
  const times = [];
  const values = [];
  for (const pair of pairs) {
    while (times.length && pair[0] * 1000 - times.at(-1) > step * 1500) {
      times.push(times.at(-1) + step * 1000);
      values.push(null);
    }
    times.push(pair[0] * 1000);
    values.push(read(pair));
  }
  return [times, values];
};

const legend = (target, metric) => {
  if (target.legendFormat) {
    return target.legendFormat.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => metric[name] ?? '');
  }
  const { __name__: name = '', ...labels } = metric;
  return name + (Object.keys(labels).length ? formatLabels(labels) : '');
};

const ofSeries = (target, { refId, step, result }) => result.map(({ metric, value, values }) => {
  const [times, numbers] = regular(values ?? [value], step, (pair) => number(pair[1]));
  return createDataFrame({
    refId,
    fields: [time(times), { name: 'Value', type: FieldType.number, labels: metric, config: { displayNameFromDS: legend(target, metric) || undefined }, values: numbers }],
  });
});

const ofTable = (tables, { refId, result }) => {
  const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
  return createDataFrame({
    refId,
    fields: [
      time(result.map(({ value }) => value[0] * 1000)),
      ...labels.map((name) => ({ name, type: FieldType.string, config: { filterable: true }, values: result.map(({ metric }) => metric[name] ?? '') })),
      { name: tables > 1 ? `Value #${refId}` : 'Value', type: FieldType.number, config: {}, values: result.map(({ value }) => number(value[1])) },
    ],
  });
};

const cell = (type, text) => (type === 'number' ? text : type === 'timestamp' ? Date.parse(text) : text);

const ofRows = (target, { refId, rows }) => createDataFrame({
  refId,
  fields: target.columns.map(({ selector, text, type }) => ({
    name: text,
    type: type === 'number' ? FieldType.number : type === 'timestamp' ? FieldType.time : FieldType.string,
    config: {},
    values: rows.map((row) => (row[selector] === null ? null : cell(type, row[selector]))),
  })),
});

/** The frames of a panel's answers. */
export const framesOf = (panel, answers) => {
  const tables = panel.targets.filter(({ format }) => format === 'table').length;
  return answers.flatMap((answer) => {
    const target = panel.targets.find(({ refId }) => refId === answer.refId);
    if (answer.rows) {
      return [ofRows(target, answer)];
    }
    if (target.format === 'table') {
      // Grafana makes no frame of an empty answer.
      return answer.result.length ? [ofTable(tables, answer)] : [];
    }
    return target.format === 'heatmap' ? [] : ofSeries(target, answer);
  });
};

/** Cells of a heat map: [time, lower, upper, count]. */
export const cellsOf = (answer) => answer.result.flatMap(({ histograms = [] }) => histograms.flatMap(([at, { buckets = [] }]) =>
  buckets.map(([, lower, upper, count]) => [at * 1000, number(lower), number(upper), number(count)])));
