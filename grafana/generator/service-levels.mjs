// Whether the targets are met: the error budget, how fast it is spent, and the value of each
// formula.

import {
  DASHBOARDS, GREEN, ORANGE, RED, TO_QUEUE, age, cellColour, columns, dashboard, graph, heading, inWindow, max, named, ratio, row, rows,
  series, stat, steps, sum, table, value, variables, visits,
} from './parts.mjs';
import { TARGET_LEVEL, countedInRange, recorded } from './recorded.mjs';

const BY_QUEUE = 'queue, channel';
const MET = 'nabiz_service_level_met_total';
const MISSED = 'nabiz_service_level_missed_total';
const REVOKED = 'nabiz_service_level_revoked_total';
const met = (by) => countedInRange(by, MET);
/** Misses without revoked ones. Before the counter of revoked ones was there, nothing was revoked. */
const missed = (by) => `clamp_min(${countedInRange(by, MISSED)} - (${countedInRange(by, REVOKED)} or 0 * ${countedInRange(by, MISSED)}), 0)`;
const events = (by) => `(${met(by)} + ${missed(by)})`;
/** Misses that the target allows in the period. */
const allowed = `(${events(BY_QUEUE)} * on (queue, channel) (1 - ${TARGET_LEVEL}))`;

const burn = (window) => `sum by (queue, channel) (${recorded(`queue:nabiz_service_level_missed_per_event:ratio_increase${window}`)})\n/ on (queue, channel)\n(1 - ${TARGET_LEVEL} > 0)`;
/** The smaller of two, if both exist: the long window has the weight, the short one shows that it continues. */
const burnInBoth = (long, short) => `(${burn(long)}) <= (${burn(short)})\nor\n(${burn(short)}) < (${burn(long)})`;

const counted = (metric) => sum(BY_QUEUE, inWindow(metric));
const A = counted('nabiz_window_answered');
const N = counted('nabiz_window_answered_in_target');
const AB = counted('nabiz_window_abandoned');
const AB_T = counted('nabiz_window_abandoned_in_target');
const AB_S = counted('nabiz_window_abandoned_short');
const F = counted('nabiz_window_left');
const W_MET = counted('nabiz_window_service_level_met');
const W_MISSED = counted('nabiz_window_service_level_missed');

const level = { unit: 'percentunit', decimals: 1 };

export default dashboard(
  DASHBOARDS.serviceLevels,
  'For those responsible for the targets: the service level of the period against its target, the error budget that is left, and how fast it is spent. The alerts use the same numbers.',
  {
    from: 'now-30d',
    refresh: '5m',
    variables: [variables.datasource, variables.job, variables.instance, variables.channel, variables.queue, variables.window],
    which: ', queue=~"$queue|"',
    layout: [
      row(4,
        [4, age()],
        [5, stat('Service level', 'Share of the service-level events of the period that were met.', [value('A', ratio(met(''), events('')))], 'percentunit', { decimals: 1, noValue: 'No calls in the period' })],
        [5, stat('Misses', 'Missed service-level events of the period, and all of them.', [value('A', missed(''), 'Missed'), value('B', events(''), 'Events')], 'locale', { decimals: 0, noValue: 'No calls in the period' })],
        [5, stat('Misses left', 'Misses that the targets still allow in the period; negative if there were more than allowed.',
          [value('A', `sum(${allowed}) - ${missed('')}`)], 'locale', { decimals: 0, thresholds: steps(RED, [0, GREEN]), noValue: 'No calls in the period' })],
        [5, stat('Budget left', 'Share of the allowed misses that is left; negative if the target of the period is missed.',
          [value('A', `1 - ${ratio(missed(''), `sum(${allowed})`)}`)], 'percentunit', { decimals: 0, thresholds: steps(RED, [0, ORANGE], [0.25, GREEN]), noValue: 'No calls in the period' })],
      ),
      row(9,
        [24, table('Targets by queue', 'For the period: events, misses, service level and target, misses left, budget left. Then how fast the budget is spent now: 1 spends exactly what the target allows. A burn rate is the smaller one of a long and a short window.', [
          rows('A', events(BY_QUEUE)),
          rows('B', missed(BY_QUEUE)),
          rows('C', ratio(met(BY_QUEUE), events(BY_QUEUE))),
          rows('D', TARGET_LEVEL),
          rows('E', `${allowed} - ${missed(BY_QUEUE)}`),
          rows('F', `1 - ${ratio(missed(BY_QUEUE), allowed)}`),
          rows('G', burnInBoth('30m', '10m')),
          rows('H', burnInBoth('2h', '30m')),
          rows('K', burnInBoth('2d', '6h')),
          rows('I', max('queue, channel, name', visits('nabiz_queue_info'))),
        ], 'locale', {
          noValue: '–', sortBy: [{ displayName: 'Budget left', desc: false }],
          ...columns(['name', 'Queue', { links: TO_QUEUE, 'custom.width': 190 }], ['channel', 'Channel', { 'custom.width': 90 }], ['A', 'Events', { decimals: 0 }], ['B', 'Missed', { decimals: 0 }],
            ['C', 'Service level', level], ['D', 'Target', { unit: 'percentunit', decimals: 0 }],
            ['E', 'Misses left', { ...cellColour(steps(RED, [0, 'transparent'])), decimals: 0 }],
            ['F', 'Budget left', { ...cellColour(steps(RED, [0, ORANGE], [0.25, 'transparent'])), unit: 'percentunit', decimals: 0 }],
            ['G', 'Burn 30 m', { ...cellColour(steps('transparent', [1, ORANGE], [2, RED])), unit: 'short', decimals: 2 }],
            ['H', 'Burn 2 h', { ...cellColour(steps('transparent', [1, ORANGE], [1.25, RED])), unit: 'short', decimals: 2 }],
            ['K', 'Burn 2 d', { ...cellColour(steps('transparent', [1, ORANGE], [1.1, RED])), unit: 'short', decimals: 2 }],
            ['queue', 'queue', { 'custom.hideFrom.viz': true }], ['I', null]),
        })],
      ),
      row(8,
        [12, graph('Points above the target', 'Service level of the day before each point, minus the target of the queue, in percentage points. Below the line the target is missed.', [
          series('A', `100 * (${named(`1 - sum by (queue, channel) (${recorded('queue:nabiz_service_level_missed_per_event:ratio_increase1d')})\n- on (queue, channel)\n${TARGET_LEVEL}`)})`, '{{name}}'),
        ], 'suffix:pts', { min: undefined, interval: '1h', decimals: 0, noValue: 'No day is complete yet', thresholds: steps(RED, [0, 'transparent']), custom: { thresholdsStyle: { mode: 'line+area' } } })],
        [12, graph('Burn rate', 'How fast the error budget is spent, over six hours: 1 spends exactly what the target allows, 2 twice that. With a target of 80 % it cannot be above 5. It is absent below 20 events, because a few callers at night mean nothing.', [
          series('A', named(`(${burn('6h')})\nand on (queue, channel)\nsum by (queue, channel) (${recorded('queue:nabiz_service_level_events:increase6h')}) >= 20`), '{{name}}'),
        ], 'short', {
          interval: '30m', noValue: 'No calls in the period', thresholds: steps('transparent', [1, ORANGE]), custom: { thresholdsStyle: { mode: 'line' } } })],
      ),
      heading('Ways of counting'),
      row(9,
        [24, table('The window, by each formula', 'The same calls of the window by every formula that nabiz knows. Contracts differ in how they count abandoned calls, so compare only numbers of the same formula. The alerts and the other panels use Live.', [
          rows('A', ratio(W_MET, `${W_MET} + ${W_MISSED}`)),
          rows('B', ratio(N, A)),
          rows('C', ratio(N, `${A} + ${AB} + ${F}`)),
          rows('D', ratio(`${N} + ${AB_T}`, `${A} + ${AB} + ${F}`)),
          rows('E', ratio(N, `${A} + ${AB} + ${F} - ${AB_T}`)),
          rows('F', ratio(N, `${A} + ${AB} - ${AB_S}`)),
          rows('G', A),
          rows('H', AB),
          rows('I', max('queue, channel, name', visits('nabiz_queue_info'))),
        ], 'percentunit', {
          noValue: '–', decimals: 1,
          ...columns(['name', 'Queue', { 'custom.width': 190 }], ['channel', 'Channel', { 'custom.width': 90 }], ['G', 'Answered', { unit: 'locale', decimals: 0 }], ['H', 'Abandoned', { unit: 'locale', decimals: 0 }],
            ['A', 'Live', {}], ['B', 'Answered only', {}], ['C', 'Abandons missed', {}], ['D', 'Abandons met', {}],
            ['E', 'Early abandons ignored', {}], ['F', 'Short abandons excluded', {}], ['queue', null], ['I', null]),
        })],
      ),
    ],
  },
);
