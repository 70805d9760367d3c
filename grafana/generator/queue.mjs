// One queue in depth: is it late because of more calls, longer work, or too few agents?

import {
  DASHBOARDS, GREEN, ORANGE, RED, age, cells, coloured, dashboard, field, graph, heading, heatmap, inWindow, max, perMinute, quantile, queues, ratio,
  row,
  series, stat, steps, sum, targetLine, value, variables, visits,
} from './parts.mjs';
import { level, levelTarget, pointsAboveTarget } from './service-level.mjs';

const WAIT = visits('nabiz_wait_seconds', 'outcome="answered"');
const HANDLE = visits('nabiz_handle_seconds');
const recent = (histogram) => sum('', `rate(${histogram}[$__rate_interval])`);
const mean = (histogram) => ratio(`histogram_sum(${recent(histogram)})`, `histogram_count(${recent(histogram)})`);
/** A mean of the window, over partitions: each with the weight of its visits. */
const windowMean = (metric, weight) => ratio(sum('', `${inWindow(metric)} * ${inWindow(weight)}`), sum('', inWindow(weight)));
const TARGET_WAIT = max('', visits('nabiz_target_wait_seconds'));
const agentTime = (states) => sum('', `rate(${queues('nabiz_agent_seconds_total', `state=~"${states}"`)}[$__rate_interval])`);

/** Few calls fall into a short step: quantiles and ratios of them would jump. */
const CALM = { interval: '5m' };

export default dashboard(
  DASHBOARDS.queue,
  'For the supervisor of a queue: the waits of callers, how their calls ended, and the agents who answer them.',
  {
    from: 'now-3h',
    refresh: '10s',
    variables: [variables.datasource, variables.job, variables.instance, variables.anyChannel, variables.oneQueue, variables.window],
    which: ', queue=~"$queue|"',
    layout: [
      row(4,
        [4, age()],
        [3, stat('State', 'Whether the queue is in its opening hours.', [value('A', max('', queues('nabiz_queue_open')))], 'short', {
          mappings: [{ type: 'value', options: { 0: { text: 'Closed', index: 1 }, 1: { text: 'Open', index: 0 } } }], noValue: 'Not known yet',
        })],
        [3, stat('Waiting', 'Contacts that wait now.', [value('A', sum('', visits('nabiz_waiting')))], 'short', { noValue: 'Catching up' })],
        [4, stat('Longest wait', 'The longest wait so far of the waiting contacts; red beyond the target.', [
          value('A', max('', visits('nabiz_longest_wait_seconds')), 'Longest wait'), value('T', TARGET_WAIT, 'Target'),
        ], 'dthms', {
          noValue: 'Catching up', thresholds: undefined,
          transformations: [{ id: 'configFromData', options: { configRefId: 'T', mappings: [{ fieldName: 'Target', handlerKey: 'threshold1' }] } }],
        })],
        [5, stat('Service level', 'Share of the service-level events in the window that were met, and its distance from the target; negative is below.', [
          value('A', level(''), 'Level'), value('B', pointsAboveTarget, 'Against target'),
        ], 'percentunit', {
          decimals: 1, noValue: 'No calls in the window',
          overrides: [field('Against target', { unit: 'suffix:pts', decimals: 1, thresholds: steps(RED, [0, GREEN]) })],
        })],
        [5, stat('Mean times', 'In the window: mean wait of answered calls (average speed of answer), and of abandoned ones.', [
          value('A', windowMean('nabiz_window_wait_mean_seconds', 'nabiz_window_answered'), 'Answered after'),
          value('B', windowMean('nabiz_window_abandon_wait_mean_seconds', 'nabiz_window_abandoned'), 'Gave up after'),
        ], 'dthms', { noValue: 'No calls in the window' })],
      ),
      heading('The wait'),
      row(9,
        [12, heatmap('Waits of answered callers', 'Each column is a time, each cell a wait; the darker, the more callers. Two bands are two kinds of callers, such as those answered at once and those who queue.',
          [cells('A', sum('', `rate(${WAIT}[$__rate_interval])`))], 's', { interval: '1m', noValue: 'Nobody was answered in the period' })],
        [12, graph('Quantiles of the wait', 'Half, nine of ten and nineteen of twenty answered callers waited no longer than this.', [
          series('A', quantile(0.5, recent(WAIT)), 'p50'), series('B', quantile(0.9, recent(WAIT)), 'p90'), series('C', quantile(0.95, recent(WAIT)), 'p95'),
          series('T', TARGET_WAIT, 'Target'),
        ], 'dthms', { ...CALM, overrides: [targetLine('T')], noValue: 'Nobody was answered in the period' })],
      ),
      row(8,
        [12, graph('Waiting', 'Waiting contacts by the count of nabiz, and by the count of the source. If the first stays above, endings were lost on their way to Kafka.', [
          series('A', sum('', visits('nabiz_waiting')), 'Waiting'), series('B', sum('', visits('nabiz_waiting_over_target')), 'Over target'),
          series('C', max('', queues('nabiz_observed_waiting')), 'Count of the source'),
        ], 'short', { decimals: 0, overrides: [coloured('Over target', ORANGE), coloured('Count of the source', 'text', [{ id: 'custom.lineStyle', value: { fill: 'dot', dash: [2, 6] } }])] })],
        [12, graph('Service level', 'Service level in the window that ends at each point, with the target.',
          [series('A', level(''), 'Service level'), series('T', levelTarget, 'Target')], 'percentunit', { max: 1, overrides: [targetLine('T')], noValue: 'No calls in the period' })],
      ),
      heading('What became of the calls'),
      row(8,
        [12, graph('Endings a minute', 'How visits ended. In target and late are the answered ones.', [
          series('A', perMinute('', visits('nabiz_visits_answered_in_target_total')), 'In target'),
          series('B', `${perMinute('', visits('nabiz_visits_answered_total'))}\n-\n${perMinute('', visits('nabiz_visits_answered_in_target_total'))}`, 'Late'),
          series('C', perMinute('', visits('nabiz_visits_abandoned_total')), 'Abandoned'),
          series('D', `${perMinute('reason', visits('nabiz_visits_left_total'))} > 0`, 'Left: {{reason}}'),
        ], 'suffix:/min', { ...CALM, stack: true, overrides: [coloured('In target', 'green'), coloured('Late', 'yellow'), coloured('Abandoned', 'red')] })],
        [12, graph('Ring no answer, transfers, reopened', 'Offers that an agent did not take, contacts handed over while in service, and reopened issues.', [
          series('A', perMinute('', visits('nabiz_not_answered_total')), 'Not answered'),
          series('B', perMinute('', visits('nabiz_transfers_total')), 'Transferred'),
          series('C', perMinute('', visits('nabiz_reopened_total')), 'Reopened'),
        ], 'suffix:/min', CALM)],
      ),
      heading('The work'),
      row(8,
        [8, graph('Agents', 'Agents of the queue by state. They may serve other queues too.', [
          series('A', sum('state', queues('nabiz_agents', 'state!="offline"')), '{{state}}'),
        ], 'short', { decimals: 0, stack: true, overrides: [
          coloured('available', 'green'), coloured('busy', 'blue'), coloured('wrap_up', 'light-blue'), coloured('paused', 'text'),
        ] })],
        [8, graph('Handle time', 'Talk, hold and wrap-up: the mean, the median and the 90th percentile.', [
          series('A', mean(HANDLE), 'Mean'), series('B', quantile(0.5, recent(HANDLE)), 'p50'), series('C', quantile(0.9, recent(HANDLE)), 'p90'),
        ], 'dthms', { ...CALM, noValue: 'Nothing was handled in the period' })],
        [8, graph('Occupancy', 'Busy and wrap-up time of the time in which agents could work. Above about 85 % for long, agents tire and waits grow fast.',
          [series('A', ratio(agentTime('busy|wrap_up'), agentTime('busy|wrap_up|available')), 'Occupancy')], 'percentunit', { ...CALM, max: 1, noValue: 'No agent was logged in' })],
      ),
    ],
  },
);
