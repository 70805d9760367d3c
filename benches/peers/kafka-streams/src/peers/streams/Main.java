package peers.streams;

import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.BytesDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.Stores;
import peers.EventDeserializer;
import peers.MetricsServer;
import peers.Partial;

/** The contender: one source, one processor, two stores. */
public final class Main {
    static final String VISITS = "visits";
    static final String TOTALS = "totals";

    private Main() {}

    public static void main(String[] args) throws Exception {
        ConcurrentHashMap<Object, Partial> partials = new ConcurrentHashMap<>();
        EventDeserializer events = new EventDeserializer();
        Topology topology = new Topology()
                .addSource(AutoOffsetReset.earliest(), "events", new EventTime(), new BytesDeserializer(), events,
                        env("BENCH_TOPIC"))
                .addProcessor("measures", () -> new Measures(partials), "events")
                // Both in memory, restored from their changelogs. The cache in front of the visits keeps a visit that
                // opens and ends between two commits from being written to the changelog twice, and makes the changelog
                // move with the commits, so that a crash does not leave it ahead of the offsets.
                .addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(VISITS), Serdes.Bytes(),
                        Serdes.ByteArray()).withCachingEnabled(), "measures")
                .addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(TOTALS), Serdes.Bytes(),
                        Serdes.ByteArray()), "measures");

        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, env("BENCH_GROUP"));
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, env("BENCH_BROKERS"));
        config.put(StreamsConfig.STATE_DIR_CONFIG, env("BENCH_STATE"));
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.parseInt(env("BENCH_THREADS")));
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE);
        // Measures asks for a commit when it has written what it counted; a commit at any other time would leave the
        // counts behind the offsets.
        config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Duration.ofDays(1).toMillis());
        config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L << 20);
        config.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 4000);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 4000);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.RECEIVE_BUFFER_CONFIG), -1);

        KafkaStreams streams = new KafkaStreams(topology, config);
        CountDownLatch stopped = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING) {
                stopped.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
        var server = new MetricsServer(partials, events::rejected).start(env("BENCH_LISTEN"));
        streams.start();
        stopped.await();
        server.stop(0);
        if (streams.state() == KafkaStreams.State.ERROR) {
            System.err.println("kafka-streams: the streams have failed");
            System.exit(1);
        }
    }

    private static String env(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            System.err.println("kafka-streams: " + name + " is not set");
            System.exit(2);
        }
        return value;
    }
}
