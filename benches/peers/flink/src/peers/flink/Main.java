package peers.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import peers.MetricsServer;

/** The contender: source, join by contact, measures by queue, in a cluster of one process. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        Path state = Path.of(env("BENCH_STATE")).toAbsolutePath();
        Path checkpoints = state.resolve("checkpoints");
        Files.createDirectories(checkpoints);

        Configuration config = new Configuration();
        config.set(CoreOptions.TMP_DIRS, state.toString());
        config.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        config.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        config.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpoints.toUri().toString());
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofSeconds(5));
        config.set(CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
                ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        config.set(PipelineOptions.OBJECT_REUSE, true);
        config.set(PipelineOptions.GENERIC_TYPES, false);
        config.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(64));
        Optional<Path> last = lastCheckpoint(checkpoints);
        if (last.isPresent()) {
            config.set(StateRecoveryOptions.SAVEPOINT_PATH, last.get().toUri().toString());
        }

        int threads = Integer.parseInt(env("BENCH_THREADS"));
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(threads, config);
        KafkaSource<ContactEvent> source = KafkaSource.<ContactEvent>builder()
                .setBootstrapServers(env("BENCH_BROKERS"))
                .setTopics(env("BENCH_TOPIC"))
                .setGroupId(env("BENCH_GROUP"))
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setDeserializer(new EventSchema())
                .setProperty("max.poll.records", "4000")
                .setProperty("max.partition.fetch.bytes", Integer.toString(4 << 20))
                .setProperty("receive.buffer.bytes", "-1")
                .build();
        // A record out of order is still counted in its own pane, so the watermark need not wait for it: a window ends
        // at the event time that all partitions have reached.
        WatermarkStrategy<ContactEvent> watermarks = WatermarkStrategy.<ContactEvent>forMonotonousTimestamps()
                .withTimestampAssigner((event, kafkaTime) -> event.timeMs)
                .withIdleness(Duration.ofSeconds(10));
        environment.fromSource(source, watermarks, "events").uid("events")
                .keyBy(event -> event.contact)
                .process(new Join()).uid("join")
                .keyBy(event -> event.queue)
                .transform("measures", Types.VOID, new Measures.Operator(new Measures())).uid("measures");

        new MetricsServer(Registry.PARTIALS, Registry.REJECTED::sum).start(env("BENCH_LISTEN"));
        environment.execute("peer");
    }

    /** The newest complete checkpoint of an earlier run. */
    private static Optional<Path> lastCheckpoint(Path checkpoints) throws IOException {
        try (var files = Files.walk(checkpoints, 3)) {
            return files.filter(file -> file.getFileName().toString().equals("_metadata"))
                    .max(Comparator.comparingLong(file -> file.toFile().lastModified()))
                    .map(Path::getParent);
        }
    }

    private static String env(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            System.err.println("flink: " + name + " is not set");
            System.exit(2);
        }
        return value;
    }
}
