// For planners: the plan of a week from /api/v1/plan, beside what came and who was there.

import { DASHBOARDS, dashboard, heading, planned, row, table, variables } from './parts.mjs';
import { byWeekdayAndTime, lengths } from './weekly.mjs';

const NO_PLAN = 'No plan yet: it takes two weeks of history';

/** A column of the plan by weekday and time of day. */
const week = (title, description, column, decimals, scheme) =>
  byWeekdayAndTime(planned, title, description, column, 1, 'short', decimals, scheme);

const percent = (name) => ({
  matcher: { id: 'byName', options: name }, properties: [{ id: 'unit', value: 'percentunit' }, { id: 'decimals', value: 0 }],
});
const number = (name, unit, decimals) => ({
  matcher: { id: 'byName', options: name }, properties: [{ id: 'unit', value: unit }, { id: 'decimals', value: decimals }],
});

export default dashboard(
  DASHBOARDS.planning,
  'For planners: one queue, and the week from the first day of the period. The plan learns from the weeks before that day only, so a past week shows how good it was. The page /plan of nabiz has the same week with charts and what-if; nabiz plan prints it as CSV.',
  {
    from: 'now-7d/d',
    to: 'now',
    refresh: '',
    variables: [variables.datasource, variables.history, variables.job, variables.instance, variables.anyChannel, variables.oneQueue, lengths],
    which: ', queue=~"$queue|"',
    layout: [
      heading('Agents'),
      row(49,
        [8, week('Agents needed', 'Agents who have to be there to reach the target; breaks are not in them. Empty where the queue is closed or the history bears no number.', 'agents', 0, 'continuous-blues')],
        [8, week('Agents there', 'Agents who could serve, on average over the step: as measured where the step is over, else as on the like days.', 'agents_there', 1, 'continuous-greens')],
        [8, week('Agents to schedule', 'Agents needed with pauses and absence. Empty where the history has no agents.', 'scheduled', 0, 'continuous-blues')],
      ),
      heading('Contacts'),
      row(49,
        [8, week('Forecast', 'Contacts expected in each step.', 'forecast', 1, 'continuous-blues')],
        [8, week('Came', 'Contacts that came. Empty until the step is complete.', 'offered', 0, 'continuous-greens')],
        [8, week('Expected service level there', 'What the formula expects of the agents there, as a share of 1.', 'service_level_there', 2, 'continuous-RdYlGr')],
      ),
      heading('Every number'),
      row(14,
        [24, table('Steps', 'The plan, step by step. One fewer and one more: the service level with one agent fewer or more. The last column says why a number is missing.', [
          planned('A', '$step', [
            ['start', 'Start', 'timestamp'], ['day', 'Kind', 'string'], ['forecast', 'Forecast', 'number'], ['forecast_p10', 'P10', 'number'],
            ['forecast_p90', 'P90', 'number'], ['offered', 'Came', 'number'], ['aht_seconds', 'Handle time', 'number'], ['agents', 'Agents', 'number'],
            ['service_level', 'Service level', 'number'], ['service_level_one_fewer', 'One fewer', 'number'], ['service_level_one_more', 'One more', 'number'],
            ['abandonment', 'Abandoned', 'number'], ['asa_seconds', 'Speed of answer', 'number'], ['occupancy', 'Occupancy', 'number'],
            ['scheduled', 'Schedule', 'number'], ['agents_there', 'There', 'number'], ['missing', 'Missing because', 'string'],
          ]),
        ], 'short', {
          noValue: NO_PLAN, custom: { filterable: true }, sortBy: [{ displayName: 'Start', desc: false }],
          overrides: [
            { matcher: { id: 'byName', options: 'Start' }, properties: [{ id: 'custom.width', value: 170 }] },
            ...['Service level', 'One fewer', 'One more', 'Abandoned', 'Occupancy'].map(percent),
            ...['Handle time', 'Speed of answer'].map((name) => number(name, 's', 0)),
            ...['Forecast', 'There'].map((name) => number(name, 'short', 1)),
          ],
        })],
      ),
    ],
  },
);
