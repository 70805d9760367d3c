package peers;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** Serves what was measured as Prometheus text, and how many records it holds. */
public final class MetricsServer {
    private static final double[] QUANTILES = {0.5, 0.9, 0.99};

    private final Measured measured;

    public MetricsServer(Measured measured) {
        this.measured = measured;
    }

    public MetricsServer(ConcurrentHashMap<Object, Partial> partials, LongSupplier rejected) {
        this(new Partials(partials, rejected));
    }

    public HttpServer start(String listen) throws IOException {
        int colon = listen.lastIndexOf(':');
        InetAddress host = InetAddress.getByName(listen.substring(0, colon));
        int port = Integer.parseInt(listen.substring(colon + 1));
        HttpServer server = HttpServer.create(new InetSocketAddress(host, port), 0);
        server.createContext("/progress", exchange -> answer(exchange, () -> measured.records() + "\n"));
        server.createContext("/metrics", exchange -> answer(exchange, this::metrics));
        server.start();
        return server;
    }

    private static void answer(HttpExchange exchange, Supplier<String> body) throws IOException {
        byte[] bytes;
        int status = 200;
        try {
            bytes = body.get().getBytes(StandardCharsets.UTF_8);
        } catch (RuntimeException error) {
            // A store cannot be read while its task starts or moves.
            bytes = (error + "\n").getBytes(StandardCharsets.UTF_8);
            status = 503;
        }
        exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        exchange.sendResponseHeaders(status, bytes.length);
        try (var out = exchange.getResponseBody()) {
            out.write(bytes);
        }
    }

    private String metrics() {
        // A family's series stand together in the text, so each family has its own buffer.
        StringBuilder offered = family("peer_offered_total", "counter");
        StringBuilder answered = family("peer_answered_total", "counter");
        StringBuilder abandoned = family("peer_abandoned_total", "counter");
        StringBuilder waits = family("peer_wait_seconds", "summary");
        StringBuilder windowOffered = family("peer_window_offered", "gauge");
        StringBuilder windowAnswered = family("peer_window_answered", "gauge");
        StringBuilder windowAbandoned = family("peer_window_abandoned", "gauge");
        StringBuilder windowWaits = family("peer_window_wait_seconds", "gauge");
        StringBuilder windowRatio = family("peer_window_abandonment_ratio", "gauge");

        Shown shown = new Shown();
        for (String name : measured.queues()) {
            shown.clear();
            measured.addTo(name, shown);
            String queue = "{queue=\"" + escape(name) + "\"";
            offered.append("peer_offered_total").append(queue).append("} ").append(shown.offered).append('\n');
            answered.append("peer_answered_total").append(queue).append("} ").append(shown.answered).append('\n');
            abandoned.append("peer_abandoned_total").append(queue).append("} ").append(shown.abandoned).append('\n');
            waits.append("peer_wait_seconds_sum").append(queue).append("} ").append(shown.waitSumMs / 1000.0)
                    .append("\npeer_wait_seconds_count").append(queue).append("} ").append(shown.waitCount)
                    .append('\n');
            for (Shown.Window window : shown.windows) {
                String labels = queue + ",window=\"" + window.name + "\"";
                windowOffered.append("peer_window_offered").append(labels).append("} ").append(window.offered)
                        .append('\n');
                windowAnswered.append("peer_window_answered").append(labels).append("} ").append(window.answered)
                        .append('\n');
                windowAbandoned.append("peer_window_abandoned").append(labels).append("} ")
                        .append(window.abandoned).append('\n');
                long ended = window.answered + window.abandoned;
                if (ended > 0) {
                    windowRatio.append("peer_window_abandonment_ratio").append(labels).append("} ")
                            .append((double) window.abandoned / ended).append('\n');
                }
                if (window.waits.getTotalCount() > 0) {
                    for (double quantile : QUANTILES) {
                        windowWaits.append("peer_window_wait_seconds").append(labels).append(",quantile=\"")
                                .append(quantile).append("\"} ")
                                .append(window.waits.getValueAtPercentile(quantile * 100) / 1000.0).append('\n');
                    }
                }
            }
        }
        return offered.append(answered).append(abandoned).append(waits).append(windowOffered)
                .append(windowAnswered).append(windowAbandoned).append(windowWaits).append(windowRatio)
                .append(measured.others()).toString();
    }

    private static StringBuilder family(String name, String type) {
        return new StringBuilder(1 << 14).append("# TYPE ").append(name).append(' ').append(type).append('\n');
    }

    private static String escape(String label) {
        return label.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    }
}
