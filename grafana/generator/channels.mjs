// How citizens contact the centre, what self-service handles without an agent, and which messages
// are open.

import {
  DASHBOARDS, GREEN, RED, age, bars, cellColour, columns, dashboard, graph, heading, inRange, m, max, perMinute, quantile, ratio, row, rows,
  series, stat, steps, sum, table, value, variables,
} from './parts.mjs';

const WRITTEN = 'channel!~"phone|chat"';
const written = (metric, ...labels) => m(metric, WRITTEN, ...labels);
const petitions = (metric) => m(metric, 'channel="petition"');
const BY_QUEUE = 'queue, channel';
const SELF_SERVICE = 'nabiz_self_service_total';
const SURVEY = 'nabiz_survey_responses_total';
/** Issues that entered a queue. Those that never did would add a row of zeros for each channel. */
const ofQueue = (metric) => written(metric, 'queue!="none"');
const inTenth = (metric) => quantile(0.9, inRange(BY_QUEUE, ofQueue(metric)));
const LOW = { interval: '15m' };

export default dashboard(
  DASHBOARDS.channels,
  'For the managers of the channels: how citizens reach the centre, how much self-service contains, which written issues are open or overdue, which follow-ups the units owe, and how satisfied citizens are.',
  {
    from: 'now-24h',
    refresh: '1m',
    variables: [variables.datasource, variables.job, variables.instance],
    // Alerts of calls belong to Operations.
    which: ', channel!~"phone|chat"',
    layout: [
      row(4,
        [4, age()],
        [4, stat('Self-service containment', 'Self-service parts that needed no agent, of all that ended in the period.',
          [value('A', ratio(inRange('', m(SELF_SERVICE, 'outcome="contained"')), inRange('', m(SELF_SERVICE))))], 'percentunit', { decimals: 1, noValue: 'No self-service' })],
        [4, stat('Written issues', 'Issues that are not resolved, of all channels except phone and chat, and those past the resolution target.', [
          value('A', sum('', written('nabiz_open')), 'Open'), value('B', sum('', written('nabiz_open_overdue')), 'Overdue'),
        ], 'locale', { noValue: 'Catching up', overrides: [{ matcher: { id: 'byName', options: 'Overdue' }, properties: [{ id: 'thresholds', value: steps(GREEN, [1, RED]) }] }] })],
        [4, stat('Petitions', 'Petitions have a deadline by law: those that are open, and those past the resolution target.', [
          value('A', sum('', petitions('nabiz_open')), 'Open'), value('B', sum('', petitions('nabiz_open_overdue')), 'Overdue'),
        ], 'locale', { noValue: 'Catching up', overrides: [{ matcher: { id: 'byName', options: 'Overdue' }, properties: [{ id: 'thresholds', value: steps(GREEN, [1, RED]) }] }] })],
        [4, stat('Follow-ups', 'Promises to inform a citizen about an issue: those that are open, and those past due.', [
          value('A', sum('', m('nabiz_followups_open')), 'Open'), value('B', sum('', m('nabiz_followups_overdue')), 'Overdue'),
        ], 'locale', { noValue: 'Catching up', overrides: [{ matcher: { id: 'byName', options: 'Overdue' }, properties: [{ id: 'thresholds', value: steps(GREEN, [1, RED]) }] }] })],
        [4, stat('Satisfied', 'Answers with the scores 4 and 5, of all answers in the period, and how many answers there were.', [
          value('A', ratio(inRange('', m(SURVEY, 'score=~"4|5"')), inRange('', m(SURVEY))), 'Satisfied'), value('B', inRange('', m(SURVEY)), 'Answers'),
        ], 'percentunit', { decimals: 1, noValue: 'No answers', overrides: [{ matcher: { id: 'byName', options: 'Answers' }, properties: [{ id: 'unit', value: 'locale' }, { id: 'decimals', value: 0 }] }] })],
      ),
      row(8,
        [12, graph('Contacts a minute', 'Contacts that reached the centre, by channel. The axis is logarithmic: calls are many times more than letters.', [series('A', perMinute('channel', m('nabiz_contacts_started_total')), '{{channel}}')], 'suffix:/min', { ...LOW, min: undefined, custom: { scaleDistribution: { type: 'log', log: 10 } } })],
        [12, graph('Containment by entry point', 'Share of self-service parts that needed no agent. If it falls, a menu or a system behind it is broken, or citizens call for other reasons.',
          [series('A', ratio(sum('entry_point', `rate(${m(SELF_SERVICE, 'outcome="contained"')}[$__rate_interval])`), sum('entry_point', `rate(${m(SELF_SERVICE)}[$__rate_interval])`)), '{{entry_point}}')],
          'percentunit', { ...LOW, max: 1, noValue: 'No self-service' })],
      ),
      heading('In writing'),
      row(8,
        [24, table('Written issues by queue', 'Open and overdue now, the age of the oldest open issue and of the oldest that waits for an answer; for the period: first answers, the time within which nine of ten came, the target, and reopened issues. Ages and times are on the clock of the queue.', [
          rows('A', sum(BY_QUEUE, ofQueue('nabiz_open'))),
          rows('B', sum(BY_QUEUE, ofQueue('nabiz_open_overdue'))),
          rows('C', max(BY_QUEUE, ofQueue('nabiz_oldest_open_seconds'))),
          rows('D', `histogram_count(${inRange(BY_QUEUE, ofQueue('nabiz_first_response_seconds'))})`),
          rows('E', inTenth('nabiz_first_response_seconds')),
          rows('F', max(BY_QUEUE, ofQueue('nabiz_target_first_response_seconds'))),
          rows('G', inTenth('nabiz_resolution_seconds')),
          rows('H', inRange(BY_QUEUE, ofQueue('nabiz_reopened_total'))),
          rows('K', max(BY_QUEUE, ofQueue('nabiz_oldest_waiting_seconds'))),
          rows('I', max('queue, channel, name', ofQueue('nabiz_queue_info'))),
        ], 'locale', {
          noValue: '–',
          ...columns(['name', 'Queue', {}], ['channel', 'Channel', {}], ['A', 'Open', {}], ['B', 'Overdue', cellColour(steps('transparent', [1, RED]))],
            ['C', 'Oldest open', { unit: 's' }], ['K', 'Oldest unanswered', { unit: 's' }], ['D', 'First answers', { decimals: 0 }], ['E', 'First answer, 9 of 10', { unit: 's' }], ['F', 'Target', { unit: 's' }],
            ['G', 'Resolved, 9 of 10', { unit: 's' }], ['H', 'Reopened', { decimals: 0 }], ['queue', null], ['I', null]),
        })],
      ),
      row(8,
        [12, graph('Open issues', 'Issues that are not resolved, by channel.', [series('A', sum('channel', written('nabiz_open')), '{{channel}}')], 'short', { decimals: 0, stack: true })],
        [12, graph('First answer against the target', 'Nine of ten first answers came within this part of the target of their queue: above 100 % the target is missed.',
          [series('A', `(${quantile(0.9, sum(BY_QUEUE, `rate(${ofQueue('nabiz_first_response_seconds')}[$__rate_interval])`))})\n/ on (queue, channel)\n${max(BY_QUEUE, ofQueue('nabiz_target_first_response_seconds'))}\n* on (queue, channel) group_left (name)\n${max('queue, channel, name', ofQueue('nabiz_queue_info'))}`, '{{name}}')],
          'percentunit', { interval: '30m', noValue: 'No first answers in the period', thresholds: steps('transparent', [1, RED]), custom: { thresholdsStyle: { mode: 'line' } } })],
      ),
      heading('Follow-up and satisfaction'),
      row(8,
        [12, table('Follow-up units', 'Open and overdue now; for the period: opened, informed, and the time within which nine of ten were informed.', [
          rows('A', sum('unit', m('nabiz_followups_open'))),
          rows('B', sum('unit', m('nabiz_followups_overdue'))),
          rows('C', inRange('unit', m('nabiz_followups_opened_total'))),
          rows('D', inRange('unit', m('nabiz_followups_informed_total'))),
          rows('E', quantile(0.9, inRange('unit', m('nabiz_followup_seconds')))),
        ], 'locale', {
          noValue: '–', decimals: 0,
          ...columns(['unit', 'Unit', { 'custom.width': 170 }], ['A', 'Open', {}], ['B', 'Overdue', cellColour(steps('transparent', [1, RED]))], ['C', 'Opened', {}], ['D', 'Informed', {}],
            ['E', '9 of 10 within', { unit: 's', decimals: 1 }]),
        })],
        [6, bars('Scores', 'Answers of the period by score; 5 is best.', rows('A', inRange('score', m(SURVEY))), 'score', 'locale', { decimals: 0, noValue: 'No answers', color: { mode: 'fixed', fixedColor: 'blue' } })],
        [6, bars('Satisfied by channel', 'Scores 4 and 5 of all answers of the period.',
          rows('A', ratio(inRange('channel', m(SURVEY, 'score=~"4|5"')), inRange('channel', m(SURVEY)))), 'channel', 'percentunit',
          { decimals: 0, max: 1, noValue: 'No answers', color: { mode: 'fixed', fixedColor: 'blue' } })],
      ),
    ],
  },
);
