package peers.dsl;

import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import peers.MetricsServer;

/** The contender: the DSL's topology and its settings. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        // README.md says why these can be changed.
        String join = System.getenv().getOrDefault("PEER_JOIN", "table");
        Duration grace = Duration.parse(System.getenv().getOrDefault("PEER_GRACE", "PT6H"));
        Measures measures = new Measures();
        Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, env("BENCH_GROUP"));
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, env("BENCH_BROKERS"));
        config.put(StreamsConfig.STATE_DIR_CONFIG, env("BENCH_STATE"));
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.parseInt(env("BENCH_THREADS")));
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.AT_LEAST_ONCE);
        config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        config.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 4000);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 4000);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        config.put(StreamsConfig.consumerPrefix(ConsumerConfig.RECEIVE_BUFFER_CONFIG), -1);

        KafkaStreams streams = new KafkaStreams(measures.topology(env("BENCH_TOPIC"), join, grace), config);
        CountDownLatch stopped = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING) {
                stopped.countDown();
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
        var server = new MetricsServer(new Queries(streams, measures)).start(env("BENCH_LISTEN"));
        streams.start();
        stopped.await();
        server.stop(0);
        if (streams.state() == KafkaStreams.State.ERROR) {
            System.err.println("kafka-streams-dsl: the streams have failed");
            System.exit(1);
        }
    }

    private static String env(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            System.err.println("kafka-streams-dsl: " + name + " is not set");
            System.exit(2);
        }
        return value;
    }
}
