// Series that the recording rules make (deploy/prometheus/nabiz.rules.yml). They have no instance,
// so a series continues when its partition moves.

const JOB = 'job=~"$job"';

/** A recorded series of the selected queues and channels. */
export const recorded = (name, ...labels) => `${name}{${[JOB, 'queue=~"$queue"', 'channel=~"$channel"', ...labels].join(', ')}}`;

/** A recorded series of the selected queues that has no channel. */
export const recordedOfQueues = (name, ...labels) => `${name}{${[JOB, 'queue=~"$queue"', ...labels].join(', ')}}`;

/** Events in the period that the dashboard shows, exact also where partitions moved. */
export const countedInRange = (by, counter, ...labels) => {
  const increase = `increase(${recorded(`shard:${counter}:max`, ...labels)}[$__range])`;
  return by ? `sum by (${by}) (${increase})` : `sum(${increase})`;
};

export const TARGET_LEVEL = `max by (queue, channel) (${recorded('queue:nabiz_target_service_level_ratio:max')})`;
