// For planners: how many contacts come on which weekday and at which time, how long they take, and
// the trend over months.

import { DASHBOARDS, coloured, dashboard, graph, heading, headlineOfYear, history, ratio, row, series, table, targetLine, usualWeek, variables } from './parts.mjs';
import { TARGET_LEVEL, recorded, recordedOfQueues } from './recorded.mjs';
import { byWeekdayAndTime, lengths } from './weekly.mjs';

const ofDayInAll = (metric) => `sum(${recorded(`queue:${metric}:increase1d`)})`;
const agentTime = (states) => `sum(${recordedOfQueues('queue:nabiz_agent_seconds:increase1d', `state=~"${states}"`)})`;
const TREND = { interval: '1d' };

export default dashboard(
  DASHBOARDS.capacity,
  'For planners: load by weekday and time of day from the interval history, and the trend of volume, handle time, occupancy and service level over months. The tables have exact numbers; nabiz history prints them as CSV.',
  {
    // Whole days, up to yesterday: a day that is not over would lower the means.
    from: 'now-28d/d',
    to: 'now-1d/d',
    refresh: '',
    variables: [variables.datasource, variables.history, variables.job, variables.instance, variables.anyChannel, variables.oneQueue, lengths],
    which: ', queue=~"$queue|"',
    layout: [
      heading('Trends'),
      row(8,
        [8, graph('Visits a day', 'Visits of the day before each point.', [
          series('A', ofDayInAll('nabiz_visits_offered'), 'Offered'), series('B', ofDayInAll('nabiz_visits_answered'), 'Answered'), series('C', ofDayInAll('nabiz_visits_abandoned'), 'Abandoned'),
        ], 'short', { ...TREND, decimals: 0, noValue: 'No day is complete yet', overrides: [coloured('Offered', 'blue'), coloured('Answered', 'green'), coloured('Abandoned', 'red')] })],
        [8, graph('Busiest half hour of the day', 'Most visits offered in half an hour, in the day before each point: the load that lines and staff must carry.', [
          series('A', `sum(max_over_time(${recorded('queue:nabiz_visits_offered:increase30m')}[1d]))`, 'Offered in half an hour'),
        ], 'short', { ...TREND, decimals: 0, noValue: 'Nothing recorded yet' })],
        [8, graph('Average handle time', 'Mean of talk, hold and wrap-up of the day before each point. It drives staff as much as volume does.', [
          series('A', ratio(ofDayInAll('nabiz_handle_seconds_sum'), ofDayInAll('nabiz_handle_seconds_count')), 'Average handle time'),
        ], 'dthms', { ...TREND, noValue: 'No day is complete yet' })],
      ),
      row(8,
        [8, graph('Occupancy', 'Busy and wrap-up time of the time in which agents could work, of the day before each point. Agents who serve several queues count in each.', [
          series('A', ratio(agentTime('busy|wrap_up'), agentTime('busy|wrap_up|available')), 'Occupancy'),
        ], 'percentunit', { ...TREND, max: 1, noValue: 'No day is complete yet' })],
        [8, graph('Service level', 'Service level of the day before each point, with the target.', [
          series('A', `1 - ${ratio(ofDayInAll('nabiz_service_level_missed'), ofDayInAll('nabiz_service_level_events'))}`, 'Service level'),
          series('T', `max(${TARGET_LEVEL})`, 'Target'),
        ], 'percentunit', { ...TREND, max: 1, overrides: [targetLine('T')], noValue: 'No day is complete yet' })],
        [8, graph('Average speed of answer', 'Mean wait of the visits answered on the day before each point.', [
          series('A', ratio(
            `sum(${recorded('queue:nabiz_wait_seconds_sum:increase1d', 'outcome="answered"')})`,
            `sum(${recorded('queue:nabiz_wait_seconds_count:increase1d', 'outcome="answered"')})`), 'Average speed of answer'),
        ], 'dthms', { ...TREND, noValue: 'No day is complete yet' })],
      ),
      heading('By weekday and time of day, mean over the weeks of the period'),
      row(49,
        [8, byWeekdayAndTime(history, 'Offered', 'Visits that entered the queue, by the time they entered.', 'offered', 1, 'short', 0, 'continuous-blues')],
        [8, byWeekdayAndTime(history, 'Work in agent hours', 'Talk, hold and wrap-up together, in hours, by the end of the work. In an interval of half an hour, twice the number is how many agents were busy on average.', 'handle_sum_seconds', 3600, 'short', 1, 'continuous-greens')],
        [8, byWeekdayAndTime(history, 'Abandoned', 'Callers who gave up, which shows where staff was short.', 'abandoned', 1, 'short', 1, 'continuous-reds')],
      ),
      heading('The usual week: how days of the period spread, holidays apart'),
      row(12,
        [24, table('Usual week', 'By weekday and time of day: the number of like days, and the mean and the 10th and 90th percentile over them. Hours in which the queue is always closed and nobody called are left out.', [
          usualWeek('A', '$step', [
            ['weekday', 'No', 'number'], ['day', 'Day', 'string'], ['time', 'Time', 'string'], ['n', 'Days', 'number'],
            ['offered_mean', 'Offered', 'number'], ['offered_p10', 'Offered, 1 of 10 below', 'number'], ['offered_p90', 'Offered, 9 of 10 below', 'number'],
            ['aht_n', 'Days with calls handled', 'number'], ['aht_mean_seconds', 'Handle time', 'number'], ['aht_p10_seconds', 'Handle time, 1 of 10 below', 'number'], ['aht_p90_seconds', 'Handle time, 9 of 10 below', 'number'],
            ['service_level_n', 'Days with a level', 'number'], ['service_level_mean', 'Service level', 'number'], ['service_level_p10', 'Service level, 1 of 10 below', 'number'],
          ]),
        ], 'short', {
          noValue: '–', decimals: 0, custom: { filterable: true },
          overrides: [
            ...['Offered', 'Offered, 1 of 10 below', 'Offered, 9 of 10 below'].map((name) => ({ matcher: { id: 'byName', options: name }, properties: [{ id: 'decimals', value: 1 }] })),
            ...['Service level', 'Service level, 1 of 10 below'].map((name) => ({ matcher: { id: 'byName', options: name }, properties: [{ id: 'unit', value: 'percentunit' }, { id: 'decimals', value: 1 }] })),
            ...['Handle time', 'Handle time, 1 of 10 below', 'Handle time, 9 of 10 below'].map((name) => ({ matcher: { id: 'byName', options: name }, properties: [{ id: 'unit', value: 's' }, { id: 'decimals', value: 1 }] })),
          ],
        })],
      ),
      heading('The year of all queues'),
      row(12,
        [24, table('Year', 'The headline of the year in which the period ends: calls and self-service, waits, messages, follow-ups, satisfaction. Names that end in _seconds are durations, _share, _level and _arrival ratios from 0 to 1.', [
          headlineOfYear('A', [['measure', 'Measure', 'string'], ['channel', 'Channel', 'string'], ['value', 'Value', 'number'], ['start', 'Since', 'timestamp'], ['open', 'Can still change', 'string']]),
        ], 'short', { noValue: 'Not known', overrides: [{ matcher: { id: 'byName', options: 'Value' }, properties: [{ id: 'unit', value: 'none' }] }] })],
      ),
      heading('Exact intervals'),
      row(12,
        [24, table('Intervals', 'The interval history, row by row. Counts and sums add up over rows; ratios and means do not.', [
          history('A', '$step', [
            ['start', 'Start', 'timestamp'], ['channel', 'Channel', 'string'], ['offered', 'Offered', 'number'], ['answered', 'Answered', 'number'],
            ['abandoned', 'Abandoned', 'number'], ['service_level', 'Service level', 'number'], ['asa_seconds', 'Speed of answer', 'number'],
            ['wait_p90_seconds', 'Wait, 9 of 10', 'number'], ['aht_seconds', 'Handle time', 'number'], ['occupancy', 'Occupancy', 'number'],
            ['transfers', 'Transfers', 'number'], ['not_answered', 'Not answered', 'number'],
          ]),
        ], 'short', {
          noValue: '–', custom: { filterable: true }, sortBy: [{ displayName: 'Start', desc: true }],
          overrides: [
            { matcher: { id: 'byName', options: 'Start' }, properties: [{ id: 'custom.width', value: 170 }] },
            ...['Service level', 'Occupancy'].map((name) => ({ matcher: { id: 'byName', options: name }, properties: [{ id: 'unit', value: 'percentunit' }, { id: 'decimals', value: 1 }] })),
            ...['Speed of answer', 'Wait, 9 of 10', 'Handle time'].map((name) => ({ matcher: { id: 'byName', options: name }, properties: [{ id: 'unit', value: 's' }, { id: 'decimals', value: 1 }] })),
          ],
        })],
      ),
    ],
  },
);
