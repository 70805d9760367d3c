// Tables by weekday and time of day, and the length of their rows.

import { table } from './parts.mjs';

/**
 * A row for each time of day, a column for each weekday: the mean over the weeks of the period. `ask` is the query of
 * a column.
 */
export const byWeekdayAndTime = (ask, title, description, column, divisor, unit, decimals, scheme) => table(title, description, [
  ask('A', '$step', [['start', 'Weekday', 'timestamp'], ['start', 'Time', 'timestamp'], [column, 'Number', 'number']]),
], unit, {
  decimals, noValue: '–', color: { mode: scheme }, min: 0,
  custom: { cellOptions: { type: 'color-background', mode: 'basic' }, align: 'center', minWidth: 50 },
  overrides: [{ matcher: { id: 'byName', options: 'Time\\Weekday' }, properties: [
    { id: 'custom.cellOptions', value: { type: 'auto' } }, { id: 'custom.width', value: 70 }, { id: 'displayName', value: 'Time' }, { id: 'unit', value: 'string' },
  ] }],
  transformations: [
    // Channels of the queue together first, then the mean over the weeks.
    { id: 'groupBy', options: { fields: {
      Weekday: { operation: 'groupby', aggregations: [] }, Time: { operation: 'groupby', aggregations: [] }, Number: { operation: 'aggregate', aggregations: ['sum'] },
    } } },
    {
      id: 'calculateField',
      options: {
        mode: 'binary', alias: 'Number', replaceFields: false,
        binary: { left: { matcher: { id: 'byName', options: 'Number (sum)' } }, operator: '/', right: { fixed: String(divisor) } },
      },
    },
    { id: 'formatTime', options: { timeField: 'Weekday', outputFormat: 'E ddd', useTimezone: true } },
    { id: 'formatTime', options: { timeField: 'Time', outputFormat: 'HH:mm', useTimezone: true } },
    { id: 'groupBy', options: { fields: {
      'Weekday': { operation: 'groupby', aggregations: [] }, 'Time': { operation: 'groupby', aggregations: [] }, 'Number': { operation: 'aggregate', aggregations: ['mean'] },
    } } },
    { id: 'sortBy', options: { fields: {}, sort: [{ field: 'Weekday', desc: false }] } },
    { id: 'groupingToMatrix', options: { rowField: 'Time', columnField: 'Weekday', valueField: 'Number (mean)', emptyValue: 'null' } },
    { id: 'sortBy', options: { fields: {}, sort: [{ field: 'Time\\Weekday', desc: false }] } },
  ],
});

export const lengths = {
  type: 'custom', name: 'step', label: 'Interval', description: 'Length of a row of the interval history', query: '15m,30m,1h', hide: 0, multi: false, includeAll: false,
  current: { text: '30m', value: '30m' },
  options: ['15m', '30m', '1h'].map((text) => ({ text, value: text, selected: text === '30m' })),
};
