// For operators of nabiz: is it up, is it current, does it lose anything, does it have room?

import {
  DASHBOARDS, GREEN, ORANGE, RED, age, coloured, dashboard, graph, heading, m, max, row, series, stat, steps, sum, value,
  variables,
} from './parts.mjs';

const rate = (by, counter) => sum(by, `rate(${counter}[$__rate_interval])`);
/** Rare events: over a short step they would be spikes. */
const CALM = { interval: '5m' };
const inPeriod = (counter) => sum('', `increase(${counter}[$__range])`);

export default dashboard(
  DASHBOARDS.pipeline,
  'For operators of nabiz: whether every process is up and caught up, how far it is behind the log and the clock, what it rejected, and whether its state is stored.',
  {
    from: 'now-3h',
    refresh: '10s',
    variables: [variables.datasource, variables.job, variables.instance],
    which: ', category="pipeline"',
    layout: [
      row(4,
        [4, age()],
        [4, stat('Processes', 'Processes that Prometheus reaches, and those that have caught up with the log. Until they have, the contact metrics are withheld.', [
          value('A', `sum(${m('up')})`, 'Up'), value('B', `sum(${m('nabiz_ready')})`, 'Ready'),
        ], 'short', { noValue: 'None', thresholds: steps(RED, [1, GREEN]) })],
        [4, stat('Lag', 'Records in Kafka that are not read yet.', [value('A', sum('', m('nabiz_consumer_lag_records')))], 'short', {
          thresholds: steps(GREEN, [1000, ORANGE], [100000, RED]), noValue: 'Not known',
        })],
        [4, stat('Last checkpoint', 'Time since the last stored checkpoint, of the process with the oldest. After a crash, records since then are read again.',
          [value('A', `time() - min(${m('nabiz_checkpoint_timestamp_seconds')})`)], 's', { decimals: 0, thresholds: steps(GREEN, [30, ORANGE], [120, RED]), noValue: 'No ledger' })],
        [4, stat('Rejected', 'Rejected records in the period; the graph below shows the reasons.', [value('A', inPeriod(m('nabiz_records_rejected_total')))], 'short', {
          decimals: 0, thresholds: steps(GREEN, [1, ORANGE]), noValue: 'Catching up',
        })],
        [4, stat('Version', 'Versions of nabiz that run.', [value('A', sum('version', m('nabiz_build_info')), '{{version}}')], 'short', { textMode: 'name', noValue: 'None' })],
      ),
      heading('Is it current?'),
      row(8,
        [8, graph('Age of stream time', 'The clock minus the stream time, by partition. Stream time stands still where a line rises by one second each second.',
          [series('A', `time() - max by (topic, partition) (${m('nabiz_stream_time_timestamp_seconds')})`, '{{topic}}/{{partition}}')], 's', {
            noValue: 'No record was read yet', thresholds: steps('transparent', [30, RED]), custom: { thresholdsStyle: { mode: 'line' } },
          })],
        [8, graph('Lag', 'Records that are not read yet, by partition.',
          [series('A', max('topic, partition', m('nabiz_consumer_lag_records')), '{{topic}}/{{partition}}')], 'short', { decimals: 0 })],
        [8, graph('Ready', 'Processes that have caught up, and rebalances of the consumer group, each of which moves partitions.', [
          series('A', sum('', m('nabiz_ready')), 'Ready'),
          series('B', sum('', `increase(${m('nabiz_rebalances_total')}[$__rate_interval])`), 'Rebalances'),
        ], 'short', { decimals: 0 })],
      ),
      heading('Does it lose anything?'),
      row(8,
        [8, graph('Records a second', 'Records that were read, by result.', [series('A', rate('result', m('nabiz_records_total')), '{{result}}')], 'suffix:/s', {
          stack: true, overrides: [coloured('applied', 'green'), coloured('duplicate', 'blue'), coloured('late', 'yellow'), coloured('ignored', 'text'), coloured('rejected', 'red')],
        })],
        [8, graph('Rejected records a minute', 'Rejected records by reason, if there were any. They go to the dead-letter topic.',
          [series('A', `60 * ${rate('reason', m('nabiz_records_rejected_total'))} > 0`, '{{reason}}')], 'suffix:/min', { noValue: 'No record was rejected.' })],
        [8, graph('Losses an hour', 'Visits whose end never came; series and contacts that a bound folded or evicted; records that the topic had deleted before they were read; logs that ended before the next record; and optional fields that were left out of a record because they were wrong. All should be 0.', [
          series('A', `3600 * ${rate('', m('nabiz_visits_lost_total'))}`, 'Lost visits'),
          series('B', `3600 * ${rate('', m('nabiz_series_refused_total'))}`, 'Folded series'),
          series('C', `3600 * ${rate('', m('nabiz_evicted_total'))}`, 'Evicted'),
          series('D', sum('', m('nabiz_records_missed')), 'Records missed, in all'),
          series('E', `3600 * ${rate('', m('nabiz_log_resets_total'))}`, 'Log resets'),
          series('F', `3600 * ${rate('', m('nabiz_fields_dropped_total'))}`, 'Fields left out'),
        ], 'short', CALM)],
      ),
      row(8,
        [8, graph('Failures an hour', 'Failures of the ledger and of dead letters, which are retried; errors that the Kafka client reports; and unreadable distributions of the history. All should be 0.', [
          series('A', `3600 * ${rate('', m('nabiz_ledger_failures_total'))}`, 'Ledger'),
          series('B', `3600 * ${rate('', m('nabiz_dead_letter_failures_total'))}`, 'Dead letters'),
          series('C', `3600 * ${rate('', m('nabiz_kafka_client_errors_total'))}`, 'Kafka client'),
          series('D', `3600 * (${rate('', m('nabiz_distributions_unreadable_total'))} + ${rate('', m('nabiz_distributions_replaced_total'))})`, 'Unreadable distributions'),
        ], 'short', CALM)],
        [8, graph('Not stored yet', 'Endings that wait for their start, rows of the interval history, and dead letters that are not written yet. They rise and fall; a line that only rises is stuck.', [
          series('A', sum('', m('nabiz_records_held')), 'Endings held'),
          series('B', sum('', m('nabiz_intervals_unsaved')), 'Interval rows'),
          series('C', sum('', m('nabiz_dead_letters_waiting')), 'Dead letters'),
        ], 'short')],
        [8, graph('Unusual input an hour', 'Time differences that were negative, event times too far ahead, dead letters written, and requests and connections that were not served.', [
          series('A', `3600 * ${rate('', m('nabiz_clock_skew_total'))}`, 'Clock skew'),
          series('B', `3600 * ${rate('', m('nabiz_dead_letters_total'))}`, 'Dead letters'),
          series('C', `3600 * ${rate('', m('nabiz_http_refused_total'))}`, 'Denied requests'),
        ], 'short', CALM)],
      ),
      heading('Does it have room?'),
      row(8,
        [8, graph('Checkpoints', 'Time that storing the last checkpoint took, and the longest pause of reading for one.', [
          series('A', max('instance', m('nabiz_checkpoint_duration_seconds')), 'Stored in, {{instance}}'),
          series('B', max('instance', m('nabiz_checkpoint_pause_seconds')), 'Longest pause, {{instance}}'),
        ], 's', { noValue: 'No ledger' })],
        [8, graph('In memory', 'Contacts, identities of records, and series of queues and channels. They are bounded for each partition by the limits of the configuration.', [
          series('A', sum('', m('nabiz_open_contacts')), 'Contacts'), series('B', sum('', m('nabiz_remembered_ids')), 'Record identities'), series('C', sum('', m('nabiz_series')), 'Series'),
        ], 'short', { custom: { scaleDistribution: { type: 'log', log: 10 } }, min: undefined })],
        [8, graph('Ledger', 'Bytes in use in the ledger, of its file, and of its write-ahead log.', [
          series('A', max('instance', m('nabiz_ledger_size_bytes')), 'In use, {{instance}}'), series('B', max('instance', m('nabiz_ledger_file_size_bytes')), 'File, {{instance}}'),
          series('C', max('instance', m('nabiz_ledger_wal_size_bytes')), 'Log, {{instance}}'),
        ], 'bytes', { noValue: 'No ledger' })],
      ),
      row(8,
        [8, graph('CPU', 'CPU time by process: 1 is one core.', [series('A', rate('instance', m('process_cpu_seconds_total')), '{{instance}}')], 'short', { interval: '1m' })],
        [8, graph('Memory', 'Resident memory by process.', [series('A', max('instance', m('process_resident_memory_bytes')), '{{instance}}')], 'bytes')],
        [8, graph('Collecting the metrics', 'Time that collecting a scrape took.', [series('A', max('instance', m('nabiz_collect_duration_seconds')), '{{instance}}')], 's')],
      ),
    ],
  },
);
