// What a supervisor keeps open all day: waiting contacts, where they wait, how late they are, and
// which agents are free.

import {
  DASHBOARDS, GREEN, ORANGE, RED, TO_QUEUE, age, cellColour, coloured, columns, dashboard, field, graph, max, named, perChannel,
  perMinute, queues, row, rows, series, stat, steps, sum, table, target, targetLine, value, variables, visits,
} from './parts.mjs';
import { abandonment, abandonmentTarget, level, levelTarget, pointsAboveTarget, pointsOfQueues } from './service-level.mjs';

const BY_QUEUE = 'queue, channel';
const FIRING = 'ALERTS{alertstate="firing", alertname=~"Nabiz.*", job=~"$job"}';

const points = { unit: 'suffix:pts', decimals: 1, color: { mode: 'thresholds' } };

const queueTable = columns(
  ['name', 'Queue', { links: TO_QUEUE, 'custom.width': 190 }],
  ['channel', 'Channel', { 'custom.width': 90 }],
  ['K', 'State', {
    'custom.width': 80,
    'custom.align': 'left',
    'mappings': [{ type: 'value', options: { 0: { text: 'Closed', color: 'text', index: 1 }, 1: { text: 'Open', color: 'text', index: 0 } } }],
  }],
  ['A', 'Waiting', {}],
  ['B', 'Over target', cellColour(steps('transparent', [1, ORANGE]))],
  ['C', 'Longest wait', { unit: 'dthms' }],
  ['D', 'Service level', { unit: 'percentunit', decimals: 1 }],
  ['E', 'Against target', { ...cellColour(steps(RED, [0, 'transparent'])), unit: 'suffix:pts', decimals: 1 }],
  ['F', 'Abandoned', { unit: 'percentunit', decimals: 1 }],
  ['G', 'In service', {}],
  ['H', 'Free agents', cellColour(steps(ORANGE, [1, 'transparent']))],
  ['queue', 'queue', { 'custom.hideFrom.viz': true }],
  ['I', null],
);

export default dashboard(
  DASHBOARDS.operations,
  'For supervisors, on a wall or a desk: waiting contacts, missed targets, abandoned calls, and firing alerts. Numbers hold at stream time; their age is the first panel.',
  {
    from: 'now-3h',
    refresh: '10s',
    variables: [variables.datasource, variables.job, variables.instance, variables.channel, variables.queue, variables.window],
    which: ', queue=~"$queue|"',
    layout: [
      row(4,
        [4, age()],
        [3, stat('Waiting', 'Contacts that wait now in the selected queues.', [value('A', sum('', visits('nabiz_waiting')))], 'short', {
          noValue: 'Catching up',
        })],
        [3, stat('Waiting too long', 'Waiting contacts that wait longer than the target of the queue.',
          [value('A', sum('', visits('nabiz_waiting_over_target')))], 'short', { thresholds: steps(GREEN, [1, ORANGE]), noValue: 'Catching up' })],
        [3, stat('Longest wait', 'The longest wait so far of the waiting contacts; 0 if nobody waits.',
          [value('A', max('', visits('nabiz_longest_wait_seconds')))], 'dthms', { noValue: 'Catching up' })],
        [5, stat('Service level', 'Share of the service-level events in the window that were met, and its distance from the target; negative is below. For several queues, each target is weighted by its calls.', [
          value('A', level(''), 'Level'), value('B', pointsAboveTarget, 'Against target'),
        ], 'percentunit', {
          decimals: 1, noValue: 'No calls in the window',
          overrides: [field('Against target', { ...points, thresholds: steps(RED, [0, GREEN]) })],
        })],
        [3, stat('Abandoned', 'Abandoned calls of answered and abandoned calls in the window, without short abandons; coloured if above the target.',
          [value('A', abandonment('')), value('T', abandonmentTarget, 'Target')], 'percentunit', {
            decimals: 1, noValue: 'No calls in the window', thresholds: undefined,
            transformations: [{ id: 'configFromData', options: { configRefId: 'T', mappings: [{ fieldName: 'Target', handlerKey: 'threshold1' }] } }],
          })],
        [3, stat('Alerts firing', 'Alerts of nabiz that fire now; the table below lists them.', [value('A', `sum(${FIRING}) or vector(0)`)], 'short', {
          thresholds: steps(GREEN, [1, RED]), noValue: '0',
        })],
      ),
      row(9,
        [24, table('Queues', 'One row for each queue and channel. Over target: waiting longer than the target. Against target: percentage points of the service level in the window above or below the target. Free agents serve other queues too: do not add them up. A click on the name opens the queue.', [
          rows('A', sum(BY_QUEUE, visits('nabiz_waiting'))),
          rows('B', sum(BY_QUEUE, visits('nabiz_waiting_over_target'))),
          rows('C', max(BY_QUEUE, visits('nabiz_longest_wait_seconds'))),
          rows('D', level(BY_QUEUE)),
          rows('E', pointsOfQueues),
          rows('F', abandonment(BY_QUEUE)),
          rows('G', sum(BY_QUEUE, visits('nabiz_in_service'))),
          rows('H', perChannel(sum('queue', queues('nabiz_agents', 'state="available"')))),
          rows('I', max('queue, channel, name', visits('nabiz_queue_info'))),
          rows('K', perChannel(max('queue', queues('nabiz_queue_open')))),
        ], 'locale', { ...queueTable, noValue: '–', sortBy: [{ displayName: 'Over target', desc: true }] })],
      ),
      row(8,
        [12, graph('Waiting', 'Waiting contacts by queue.', [series('A', named(sum(BY_QUEUE, visits('nabiz_waiting'))), '{{name}}')], 'short', { decimals: 0 })],
        [12, table('Alerts', 'Alerts that fire now, and since when. The runbook has a section for each.', [
          rows('A', `time() - (ALERTS_FOR_STATE{alertname=~"Nabiz.*", job=~"$job"} and ignoring (alertstate) ${FIRING})`),
        ], 's', {
          noValue: 'No alert is firing.', sortBy: [{ displayName: 'Severity', desc: false }],
          ...columns(['alertname', 'Alert', { 'custom.width': 230 }], ['severity', 'Severity', {
            'custom.width': 100,
            ...cellColour(steps('transparent')),
            mappings: [{ type: 'value', options: { critical: { color: RED, index: 0 }, warning: { color: ORANGE, index: 1 } } }],
          }], ['queue', 'Queue', { links: TO_QUEUE }], ['channel', 'Channel', {}], ['unit', 'Unit', {}], ['instance', 'Instance', {}], ['A', 'Since', { unit: 's', decimals: 0 }],
          ['job', null], ['team', null], ['category', null]),
        })],
      ),
      row(8,
        [8, graph('Longest wait', 'The longest wait of the waiting contacts, by queue.',
          [series('A', named(max(BY_QUEUE, visits('nabiz_longest_wait_seconds'))), '{{name}}'),
            series('T', `min(${target('nabiz_target_wait_seconds')})`, 'Shortest target')], 'dthms', { overrides: [targetLine('T')] })],
        [8, graph('Service level', 'Service level of the selected queues in the window that ends at each point, with their target.',
          [series('A', level(''), 'Service level'), series('T', levelTarget, 'Target')], 'percentunit', { max: 1, overrides: [targetLine('T')], noValue: 'No calls in the period' })],
        [8, graph('Calls a minute', 'Visits that entered, were answered, and were abandoned. If offered stays above answered, the queue grows.', [
          series('A', perMinute('', visits('nabiz_visits_offered_total')), 'Offered'),
          series('B', perMinute('', visits('nabiz_visits_answered_total')), 'Answered'),
          series('C', perMinute('', visits('nabiz_visits_abandoned_total')), 'Abandoned'),
        ], 'suffix:/min', { interval: '1m', overrides: [coloured('Offered', 'blue'), coloured('Answered', 'green'), coloured('Abandoned', 'red')] })],
      ),
    ],
  },
);
