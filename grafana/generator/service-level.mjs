// Expressions about the service level that several dashboards share.

import { inWindow, ratio, sum, target } from './parts.mjs';

const MET = inWindow('nabiz_window_service_level_met');
const MISSED = inWindow('nabiz_window_service_level_missed');
const TARGET = 'nabiz_target_service_level_ratio';

/** Service-level events of the window that were met, of all of them. */
export const level = (by) => ratio(sum(by, MET), `${sum(by, MET)} + ${sum(by, MISSED)}`);

const events = `(${sum('queue, channel', MET)} + ${sum('queue, channel', MISSED)})`;

/** The target; of several queues together, each with the weight of its events. */
export const levelTarget = ratio(
  sum('', `${events} * on (queue, channel) ${target(TARGET)}`),
  `${sum('', MET)} + ${sum('', MISSED)}`,
);

/** Percentage points above the target; below it they are negative. */
export const pointsAboveTarget = `100 * (\n${level('')}\n-\n${levelTarget}\n)`;

/** The same for each queue. */
export const pointsOfQueues = `100 * (\n${level('queue, channel')}\n- on (queue, channel)\n${target(TARGET)}\n)`;

const answered = (by) => sum(by, inWindow('nabiz_window_answered'));
const abandoned = (by) => `(${sum(by, inWindow('nabiz_window_abandoned'))} - ${sum(by, inWindow('nabiz_window_abandoned_short'))})`;

/** Abandoned of answered and abandoned visits of the window, without short abandons. */
export const abandonment = (by) => ratio(abandoned(by), `${answered(by)} + ${abandoned(by)}`);

/** The acceptable abandonment; of several queues together, each with the weight of its visits. */
export const abandonmentTarget = ratio(
  sum('', `(${answered('queue, channel')} + ${abandoned('queue, channel')}) * on (queue, channel) ${target('nabiz_target_abandonment_ratio')}`),
  `${answered('')} + ${abandoned('')}`,
);
